"""Capturing: all, in parts, at last, too late, too much and by whom."""

from typing import Any

import pytest

from tests.doubles.audit import audit
from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign

WEEK_SECONDS = 7 * 86_400


@pytest.mark.parametrize(
    ("body", "status", "captured", "held"),
    [
        ({}, "captured", 100, 0),
        ({"amount": 100}, "captured", 100, 0),
        ({"amount": 30}, "partially_captured", 30, 70),
        ({"amount": 30, "final": True}, "captured", 30, 0),
        ({"amount": 30, "final": False}, "partially_captured", 30, 70),
        ({"final": True}, "captured", 100, 0),
        ({"amount": None}, "captured", 100, 0),
    ],
    ids=repr,
)
def test_what_is_taken(body: dict[str, Any], status: str, captured: int, held: int) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    answer = ledger.step(payment, "capture", **body)
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["status"], answer.json["amount_captured"], answer.json["amount"]) == (status, captured, 100)
    assert ledger.balance(ledger.alice) == {
        "posted": 10_000 - captured,
        "held": held,
        "available": 10_000 - captured - held,
    }
    assert ledger.balance(ledger.shop)["posted"] == captured
    audit(ledger.store.inner.items)


def test_in_parts_until_nothing_is_held() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    taken = [ledger.step(payment, "capture", amount=amount).json["amount_captured"] for amount in (20, 30, 50)]
    assert taken == [20, 50, 100]
    assert ledger.step(payment, "capture", amount=1).json["code"] == "state_conflict"
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("amount", [101, 10**15])
def test_more_than_is_held(amount: int) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    before = ledger.snapshot()
    refused = ledger.step(payment, "capture", amount=amount)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (422, "capture_too_large", "amount")
    assert ledger.snapshot() == before


def test_whatever_the_keys_no_more_than_was_authorized() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    statuses = [ledger.step(payment, "capture", amount=40).status for _ in range(4)]
    assert statuses == [200, 200, 422, 422]
    assert ledger.balance(ledger.shop)["posted"] == 80
    audit(ledger.store.inner.items)


@pytest.mark.parametrize(
    ("seconds", "status"), [(WEEK_SECONDS - 0.001, 200), (WEEK_SECONDS, 409), (WEEK_SECONDS + 1, 409)]
)
def test_not_at_or_after_its_end(seconds: float, status: int) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.clock.move(seconds)
    assert ledger.step(payment, "capture").status == status


def test_a_retry_after_its_end_is_given_the_first_answer() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    first = ledger.step(payment, "capture", key="k")
    ledger.clock.move(WEEK_SECONDS)
    assert ledger.step(payment, "capture", key="k").text == first.text


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
    refused = ledger.step(payment, "capture")
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")
    assert ledger.snapshot() == before


@pytest.mark.parametrize(
    ("side", "changes", "status"),
    [
        ("alice", {"s": "frozen"}, 200),
        ("shop", {"s": "frozen"}, 200),
        ("alice", {"s": "closed"}, 422),
        ("shop", {"s": "closed"}, 422),
        ("alice", {"o": "prn_other"}, 200),
        ("alice", {"f": 0, "p": 100, "h": 100}, 200),
    ],
)
def test_a_promise_is_kept(side: str, changes: dict[str, Any], status: int) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.change(getattr(ledger, side), **changes)
    answer = ledger.step(payment, "capture")
    assert answer.status == status
    if status == 422:
        assert answer.json["code"] == "account_closed"


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (SHOP, 200), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_captures(client: Client, status: int) -> None:
    ledger = SmallLedger()
    assert ledger.step(ledger.authorize(), "capture", client).status == status


def test_a_missing_payment() -> None:
    ledger = SmallLedger()
    assert ledger.step(foreign(ledger.authorize()), "capture").json["code"] == "not_found"
    assert ledger.step(ledger.alice, "capture").status == 404


@pytest.mark.parametrize(
    "body", [{"amount": 0}, {"amount": 1.0}, {"amount": "1"}, {"final": 1}, {"final": "true"}, {"x": 1}], ids=repr
)
def test_a_bad_body(body: dict[str, Any]) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    assert ledger.step(payment, "capture", **body).status == 400
