"""Held transfers end by themselves: once, whoever else acts at the same moment."""

import pytest

from chalicelib.store.keys import due_key
from chalicelib.transfers.due import happen
from chalicelib.web.internal import Sweeper
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, FUNDS_MINOR, TENANT, SmallLedger

MINUTE_SECONDS = 60


def _sweep(ledger: SmallLedger) -> dict[str, int]:
    return Sweeper("transfer", happen, lambda: ledger.platform.bench)({}, Context())


def _reminders(ledger: SmallLedger) -> list[str]:
    return [key.sk for key in ledger.store.inner.items if "#due-transfer#" in key.pk]


def test_a_hold_whose_time_is_over_is_given_back() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700, expires_in_seconds=MINUTE_SECONDS)
    ledger.clock.move(MINUTE_SECONDS - 0.001)
    assert _sweep(ledger) == {"happened": 0, "failed": 0}
    ledger.clock.move(0.001)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    after = ledger.get(ALICE, f"/v1/transfers/{transfer}").json
    assert (after["status"], after["version"], after["amount_posted"]) == ("expired", 2, 0)
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 0, "available": FUNDS_MINOR}
    assert not _reminders(ledger)
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_whatever_became_of_the_account(status: str) -> None:
    ledger = SmallLedger()
    ledger.hold(expires_in_seconds=MINUTE_SECONDS)
    ledger.change(ledger.alice, s=status)
    ledger.clock.move(MINUTE_SECONDS)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}


@pytest.mark.parametrize("verb", ["post", "void"])
def test_a_reminder_of_what_is_done_is_only_taken_away(verb: str) -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(expires_in_seconds=MINUTE_SECONDS)
    done = ledger.turn(transfer, verb).json
    ledger.clock.move(MINUTE_SECONDS)
    assert _sweep(ledger)["happened"] == 1
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json == done
    assert not _reminders(ledger)


def test_a_run_that_is_repeated_does_nothing_twice() -> None:
    """The reminder is still there after a crash between the commit and its removal."""
    ledger = SmallLedger()
    transfer = ledger.hold(expires_in_seconds=MINUTE_SECONDS)
    due = due_key(TENANT, "transfer", ledger.clock.now_at() + MINUTE_SECONDS * 1_000, transfer)
    ledger.clock.move(MINUTE_SECONDS)
    _sweep(ledger)
    after = ledger.snapshot()
    ledger.store.inner.seed(due, {"sc": 1})
    _sweep(ledger)
    assert ledger.snapshot() == after


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_leaves_the_rest_to_the_next_run(fault: Fault) -> None:
    ledger = SmallLedger()
    for _ in range(3):
        ledger.hold(expires_in_seconds=MINUTE_SECONDS)
    ledger.clock.move(MINUTE_SECONDS)
    ledger.store.transacts.extend([fault] * 2)
    _sweep(ledger)
    _sweep(ledger)
    assert ledger.balance(ledger.alice)["held"] == 0
    assert not _reminders(ledger)
    audit(ledger.store.inner.items)


def test_what_the_system_did_is_the_systems() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(expires_in_seconds=MINUTE_SECONDS)
    ledger.clock.move(MINUTE_SECONDS)
    ledger.store.reset_counters()
    _sweep(ledger)
    (record,) = [record for record in ledger.records() if record["op"] == "transfers.expire"]
    assert (record["sk"], record["pn"]) == (f"s/expire/{transfer}", "prn_system")
    assert ledger.state("transfer", transfer)["o"] == ALICE.principal
    assert ledger.store.write_units == 6 + 2, "commit, transfer, source; and the reminder"
