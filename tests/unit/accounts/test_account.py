"""The statuses of an account, each event against each."""

import pytest

from chalicelib.accounts.account import Account
from chalicelib.kernel.problems import Problem
from chalicelib.ledger.chart import AccountKind, AccountStatus

TABLE = [
    # from, freeze, unfreeze
    (AccountStatus.OPEN, AccountStatus.FROZEN, None),
    (AccountStatus.FROZEN, None, AccountStatus.OPEN),
    (AccountStatus.CLOSED, None, None),
]


def _after(status: AccountStatus, event: str) -> AccountStatus | None:
    before = Account("acct_1", AccountKind.WALLET, "USD", "prn_a", status, {}, 7, 0)
    try:
        after: Account = getattr(before, event)()
    except Problem as problem:
        assert problem.kind.code == "state_conflict"
        return None
    assert after.version == 8
    return after.status


@pytest.mark.parametrize(("status", "frozen", "unfrozen"), TABLE)
def test_every_event(status: AccountStatus, frozen: AccountStatus | None, unfrozen: AccountStatus | None) -> None:
    assert (_after(status, "freeze"), _after(status, "unfreeze")) == (frozen, unfrozen)


def test_the_table_is_whole() -> None:
    assert [row[0] for row in TABLE] == list(AccountStatus)
