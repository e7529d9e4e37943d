"""The statuses of an account, each event against each."""

from collections.abc import Callable

import pytest

from chalicelib.accounts import account as noun
from chalicelib.accounts.account import Account
from chalicelib.kernel.problems import Problem
from chalicelib.ledger.chart import AccountKind, AccountStatus

OPEN, FROZEN, CLOSED = AccountStatus.OPEN, AccountStatus.FROZEN, AccountStatus.CLOSED

EVENTS: dict[str, Callable[[Account], Account]] = {
    "freeze": lambda account: account.freeze(),
    "unfreeze": lambda account: account.unfreeze(),
    "close": lambda account: account.close(),
    "update metadata": lambda account: account.with_metadata({"a": "b"}),
    "update overdraft_limit": lambda account: account.with_overdraft(5),
    "update slices": lambda account: account.with_slices(2),
    "update fee": lambda account: account.with_fee(None),
    "update negative_limit": lambda account: account.with_negative_limit(5),
    "grant": lambda account: account.grant("prn_b"),
    "revoke": lambda account: account.revoke("prn_c"),
}

# The status afterwards, None for a conflict; one column per status before.
TABLE = {
    #                          open    frozen  closed
    "freeze":                 (FROZEN, None,   None),
    "unfreeze":               (None,   OPEN,   None),
    "close":                  (CLOSED, CLOSED, None),
    "update metadata":        (OPEN,   FROZEN, None),
    "update overdraft_limit": (OPEN,   FROZEN, None),
    "update slices":          (OPEN,   FROZEN, None),
    "update fee":             (OPEN,   FROZEN, None),
    "update negative_limit":  (OPEN,   FROZEN, None),
    "grant":                  (OPEN,   FROZEN, None),
    "revoke":                 (OPEN,   FROZEN, None),
}  # fmt: skip

ROWS = [
    pytest.param(event, status, after, id=f"{event} when {status.value}")
    for event, row in TABLE.items()
    for status, after in zip(AccountStatus, row, strict=True)
]


@pytest.mark.parametrize(("event", "status", "wanted"), ROWS)
def test_every_event_in_every_status(event: str, status: AccountStatus, wanted: AccountStatus | None) -> None:
    before = Account("acct_1", AccountKind.WALLET, "USD", "prn_a", status, {}, 7, 0, mandates=("prn_c",))
    if wanted is None:
        with pytest.raises(Problem) as caught:
            EVENTS[event](before)
        assert caught.value.kind.code == "state_conflict"
        return
    after = EVENTS[event](before)
    assert (after.status, after.version) == (wanted, 8)


def test_the_table_is_whole() -> None:
    assert TABLE.keys() == EVENTS.keys()


def test_the_table_that_is_shown_is_the_table() -> None:
    head, _, *lines = [line for line in (noun.__doc__ or "").splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in head.strip("|").split("|")][1:]
    shown: dict[tuple[str, str], str] = {}
    for line in lines:
        status, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name, cell in zip(names, cells, strict=True):
            shown |= {(event, status): cell for event in name.split(", ")}
    tested = {
        (event.partition(" ")[0], before.value): after.value if after else ""
        for event, row in TABLE.items()
        for before, after in zip(AccountStatus, row, strict=True)
    }
    assert shown == tested
