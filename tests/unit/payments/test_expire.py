"""Holds end by themselves: once, whoever else acts at the same moment, and nobody's money stays behind."""

import pytest

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.store.keys import due_key, state_key
from chalicelib.web.internal import Sweeper
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, FUNDS_MINOR, OPERATOR, TENANT, SmallLedger

WEEK_SECONDS = 7 * DAY_SECONDS


def _sweep(ledger: SmallLedger) -> dict[str, int]:
    return Sweeper("payment", expire, lambda: ledger.platform.bench)({}, Context())


def _reminders(ledger: SmallLedger) -> list[str]:
    return [key.sk for key in ledger.store.inner.items if "#due-payment#" in key.pk]


def test_a_hold_whose_time_is_over_is_given_back() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize(amount=700)
    ledger.clock.move(WEEK_SECONDS)
    assert _sweep(ledger) == {"happened": 1, "failed": 0}
    after = ledger.get(ALICE, f"/v1/payments/{payment}").json
    assert (after["status"], after["version"], after["amount_captured"]) == ("expired", 2, 0)
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 0, "available": FUNDS_MINOR}
    assert not _reminders(ledger)
    audit(ledger.store.inner.items)


def test_what_was_captured_stays_captured() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize(amount=700)
    assert ledger.step(payment, "capture", amount=200).status == 200
    ledger.clock.move(WEEK_SECONDS)
    _sweep(ledger)
    after = ledger.get(ALICE, f"/v1/payments/{payment}").json
    assert (after["status"], after["amount_captured"]) == ("captured", 200)
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR - 200


def test_not_a_millisecond_early() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.clock.move(WEEK_SECONDS - 0.001)
    assert _sweep(ledger) == {"happened": 0, "failed": 0}
    assert ledger.step(payment, "capture", amount=1).status == 200
    ledger.clock.move(0.001)
    assert ledger.step(payment, "capture", amount=1).status == 409
    assert _sweep(ledger)["happened"] == 1


@pytest.mark.parametrize("verb", ["capture", "cancel"])
def test_a_reminder_of_what_is_done_is_only_taken_away(verb: str) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    done = ledger.step(payment, verb).json
    ledger.clock.move(WEEK_SECONDS)
    assert _sweep(ledger)["happened"] == 1
    assert ledger.get(ALICE, f"/v1/payments/{payment}").json == done
    assert not _reminders(ledger)


def test_a_run_that_is_repeated_does_nothing_twice() -> None:
    """The reminder is still there after a crash between the commit and its removal."""
    ledger = SmallLedger()
    payment = ledger.authorize(amount=700)
    due = due_key(TENANT, "payment", ledger.clock.now_at() + WEEK_SECONDS * 1_000, payment)
    ledger.clock.move(WEEK_SECONDS)
    _sweep(ledger)
    ledger.store.inner.seed(due, {"sc": 1})
    before = [key for key in ledger.snapshot() if key != due]
    _sweep(ledger)
    assert sorted(map(str, ledger.snapshot())) == sorted(map(str, before))


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_leaves_the_rest_to_the_next_run(fault: Fault) -> None:
    ledger = SmallLedger()
    for _ in range(3):
        ledger.authorize(amount=100)
    ledger.clock.move(WEEK_SECONDS)
    ledger.store.transacts.extend([fault] * 2)
    _sweep(ledger)
    _sweep(ledger)
    assert ledger.balance(ledger.alice)["held"] == 0
    assert not _reminders(ledger)
    audit(ledger.store.inner.items)


def test_one_tenant_does_not_see_anothers_due() -> None:
    ledger = SmallLedger()
    ledger.authorize()
    ledger.clock.move(WEEK_SECONDS)
    assert _sweep(ledger)["happened"] == 1
    tenants = {str(record["pk"]).partition("#")[0] for record in ledger.records() if record["op"] == "payments.expire"}
    assert tenants == {TENANT}


def test_an_operator_sees_what_the_system_did() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.clock.move(WEEK_SECONDS)
    _sweep(ledger)
    (record,) = [record for record in ledger.records() if record["op"] == "payments.expire"]
    assert (record["sk"], record["pn"]) == (f"s/expire/{payment}", "prn_system")
    assert ledger.get(OPERATOR, f"/v1/payments/{payment}").json["status"] == "expired"


def test_what_cannot_happen_keeps_nobody_else_from_it() -> None:
    """F12: a reminder that leads to a broken item fails each time, and the holds behind it expire all the same."""
    ledger = SmallLedger()
    payments = [ledger.authorize(amount=10) for _ in range(6)]
    broken = state_key(TENANT, "payment", payments[0])
    ledger.store.inner.seed(broken, {"sc": 1})
    ledger.clock.move(WEEK_SECONDS)
    assert _sweep(ledger) == {"happened": 5, "failed": 1}
    assert _sweep(ledger) == {"happened": 0, "failed": 1}
    assert ledger.balance(ledger.alice)["held"] == 10
