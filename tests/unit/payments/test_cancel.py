"""Cancelling: what is held goes back, what was captured stays."""

import pytest

from tests.doubles.audit import audit
from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


@pytest.mark.parametrize(("captured", "status"), [(0, "canceled"), (30, "captured")])
def test_what_is_held_goes_back(captured: int, status: str) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    if captured:
        ledger.step(payment, "capture", amount=captured)
    answer = ledger.step(payment, "cancel")
    assert (answer.status, answer.json["status"], answer.json["amount_captured"]) == (200, status, captured)
    assert ledger.balance(ledger.alice) == {"posted": 10_000 - captured, "held": 0, "available": 10_000 - captured}
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("state", ["captured", "canceled", "declined"])
def test_states_without_a_hold(state: str) -> None:
    ledger = SmallLedger()
    if state == "captured":
        payment = ledger.made(ledger.pay())
    elif state == "declined":
        payment = ledger.pay(amount=10**9).json["payment"]
    else:
        payment = ledger.authorize()
        ledger.step(payment, "cancel")
    before = ledger.snapshot()
    refused = ledger.step(payment, "cancel")
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")
    assert ledger.snapshot() == before


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_a_hold_is_released_whatever_the_account_is(status: str) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.change(ledger.alice, s=status)
    ledger.change(ledger.shop, s=status)
    assert ledger.step(payment, "cancel").status == 200
    audit(ledger.store.inner.items)


def test_after_its_end_a_hold_can_still_be_released() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.clock.move(30 * 86_400)
    assert ledger.step(payment, "cancel").status == 200


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (SHOP, 200), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_cancels(client: Client, status: int) -> None:
    ledger = SmallLedger()
    assert ledger.step(ledger.authorize(), "cancel", client).status == status


def test_a_missing_payment() -> None:
    ledger = SmallLedger()
    assert ledger.step(foreign(ledger.authorize()), "cancel").status == 404


def test_the_path_says_it_all() -> None:
    ledger = SmallLedger()
    assert ledger.step(ledger.authorize(), "cancel", amount=1).status == 400
