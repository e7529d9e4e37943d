"""Scheduled transfers happen when their time has come: once, or never if they cannot, and never again and again."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chalicelib.store.port import Write
from chalicelib.transfers.due import happen
from chalicelib.web.internal import Sweeper
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault, FaultyDynamo
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, BOB, FUNDS_MINOR, OPERATOR, SHOP, SmallLedger

TOMORROW = "2026-11-24T09:00:00Z"
DAY_SECONDS = 86_400


def _sweep(ledger: SmallLedger) -> dict[str, int]:
    return Sweeper("transfer", happen, lambda: ledger.platform.bench)({}, Context())


def _reminders(ledger: SmallLedger) -> list[str]:
    return [key.sk for key in ledger.store.inner.items if "#due-transfer#" in key.pk]


def _scheduled(ledger: SmallLedger, amount: int = 700) -> str:
    return ledger.made(ledger.transfer(scheduled_for=TOMORROW, amount=amount))


def test_it_moves_the_money_at_its_time_and_not_before() -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger)
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 0, "available": FUNDS_MINOR}
    ledger.clock.move(DAY_SECONDS - 0.001)
    assert _sweep(ledger) == {"happened": 0, "failed": 0}
    ledger.clock.move(0.001)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    after = ledger.get(ALICE, f"/v1/transfers/{transfer}").json
    assert (after["status"], after["version"], after["amount_posted"]) == ("posted", 2, 700)
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR - 700
    assert ledger.balance(ledger.bob)["available"] == 700
    assert not _reminders(ledger)
    (record,) = [record for record in ledger.records() if record["op"] == "transfers.execute"]
    assert (record["sk"], record["pn"]) == (f"s/execute/{transfer}", "prn_system")
    audit(ledger.store.inner.items)


def test_what_was_executed_can_be_reversed() -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger)
    ledger.clock.move(DAY_SECONDS)
    _sweep(ledger)
    assert ledger.turn(transfer, "reverse", BOB).status == 201
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR


@pytest.mark.parametrize(
    ("account", "changes", "code"),
    [
        ("alice", {"f": 699}, "insufficient_funds"),
        ("alice", {"s": "frozen"}, "account_frozen"),
        ("alice", {"s": "closed"}, "account_closed"),
        ("alice", {"o": "prn_nobody"}, "account_not_found"),
        ("bob", {"s": "closed"}, "account_closed"),
        ("bob", {"c": "EUR"}, "currency_mismatch"),
    ],
    ids=repr,
)
def test_what_cannot_be_done_then_is_declined_for_good(account: str, changes: dict[str, Any], code: str) -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger)
    ledger.change(getattr(ledger, account), **changes)
    ledger.clock.move(DAY_SECONDS)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    after = ledger.get(OPERATOR, f"/v1/transfers/{transfer}").json
    assert (after["status"], after["decline_code"], after["amount_posted"]) == ("declined", code, 0)
    assert ledger.balance(ledger.bob)["posted"] == 0
    (record,) = [record for record in ledger.records() if record["op"] == "transfers.execute"]
    assert (record["sk"], record["st"], record["l"]) == (f"s/execute/{transfer}", 200, [])
    assert not _reminders(ledger)
    assert _sweep(ledger) == {"happened": 0, "failed": 0}


def test_an_account_that_is_gone_declines_it() -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger)
    for key in [key for key in ledger.snapshot() if key.sk == f"{ledger.bob}/0"]:
        del ledger.store.inner.items[key]
    ledger.clock.move(DAY_SECONDS)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json["decline_code"] == "account_not_found"


def test_a_mandate_is_asked_for_at_the_time() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.alice, SHOP)
    kept, lost = (ledger.made(ledger.transfer(SHOP, scheduled_for=at)) for at in (TOMORROW, "2026-11-25"))
    ledger.clock.move(DAY_SECONDS)
    _sweep(ledger)
    ledger.give_mandate(ledger.alice, BOB)
    ledger.clock.move(DAY_SECONDS)
    _sweep(ledger)
    found = [ledger.get(SHOP, f"/v1/transfers/{one}").json for one in (kept, lost)]
    assert [(one["status"], one.get("decline_code")) for one in found] == [
        ("posted", None),
        ("declined", "account_not_found"),
    ]


@pytest.mark.parametrize("funded", [True, False])
@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_leaves_it_to_the_next_run_and_declines_nothing_by_itself(fault: Fault, funded: bool) -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger, amount=700 if funded else FUNDS_MINOR + 1)
    ledger.clock.move(DAY_SECONDS)
    ledger.store.transacts.extend([fault] * 2)
    _sweep(ledger)
    _sweep(ledger)
    after = ledger.get(ALICE, f"/v1/transfers/{transfer}").json
    assert (after["status"], after["version"]) == ("posted" if funded else "declined", 2)
    assert len([record for record in ledger.records() if record["op"] == "transfers.execute"]) == 1
    assert not _reminders(ledger)
    audit(ledger.store.inner.items)


def test_a_ledger_that_stays_busy_leaves_it_scheduled() -> None:
    ledger = SmallLedger()
    transfer = _scheduled(ledger)
    ledger.clock.move(DAY_SECONDS)
    ledger.store.transacts.extend([Fault.CONFLICT] * 30)
    assert _sweep(ledger) == {"happened": 0, "failed": 1}
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json["status"] == "scheduled"
    assert len(_reminders(ledger)) == 1


class Racing(FaultyDynamo):
    """Something else happens right before one transaction."""

    event: Callable[[], object] | None = None

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        event, self.event = self.event, None
        if event:
            event()
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize("funded", [True, False])
def test_who_calls_it_off_first_wins(funded: bool) -> None:
    store = Racing()
    ledger = SmallLedger(store=store)
    transfer = _scheduled(ledger, amount=700 if funded else FUNDS_MINOR + 1)
    ledger.clock.move(DAY_SECONDS)
    store.event = lambda: ledger.turn(transfer, "void")
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json["status"] == "canceled"
    audit(store.inner.items)


@pytest.mark.parametrize("funded", [True, False])
def test_two_sweepers_at_once_do_it_once(funded: bool) -> None:
    store = Racing()
    ledger = SmallLedger(store=store)
    transfer = _scheduled(ledger, amount=700 if funded else FUNDS_MINOR + 1)
    ledger.clock.move(DAY_SECONDS)
    store.event = lambda: _sweep(ledger)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    after = ledger.get(ALICE, f"/v1/transfers/{transfer}").json
    assert (after["status"], after["version"]) == ("posted" if funded else "declined", 2)
    audit(store.inner.items)
