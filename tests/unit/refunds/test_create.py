"""Refunding: never more than was captured, whatever the keys and the races, and by whom."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


def test_the_answer() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    answer = ledger.refund(payment, amount=40)
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.json == {
        "id": answer.json["id"],
        "object": "refund",
        "status": "succeeded",
        "payment": payment,
        "amount": 40,
        "currency": "USD",
        "version": 1,
        "created_at": "2026-11-23T09:00:00.000Z",
    }
    assert ledger.balance(ledger.alice)["available"] == 9_940
    assert ledger.balance(ledger.shop)["posted"] == 60
    audit(ledger.store.inner.items)


def test_all_that_is_left_by_default() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    bodies: list[dict[str, Any]] = [{"amount": 30}, {}]
    assert [ledger.refund(payment, **body).json["amount"] for body in bodies] == [30, 70]
    assert ledger.refund(payment).json["code"] == "refund_too_large"
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("captured", [30, 100])
def test_capped_by_what_was_captured_and_not_by_what_was_authorized(captured: int) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.step(payment, "capture", amount=captured, final=True)
    before = ledger.snapshot()
    refused = ledger.refund(payment, amount=captured + 1)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (422, "refund_too_large", "amount")
    assert ledger.snapshot() == before
    assert ledger.refund(payment, amount=captured).status == 201


def test_while_a_part_is_still_held() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.step(payment, "capture", amount=30)
    assert ledger.refund(payment).json["amount"] == 30
    assert ledger.step(payment, "capture").json["amount_captured"] == 100
    assert ledger.refund(payment).json["amount"] == 70
    audit(ledger.store.inner.items)


def test_whatever_the_keys() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    answers = [ledger.refund(payment, amount=40, key=f"k{number}") for number in range(5)]
    assert [answer.status for answer in answers] == [201, 201, 422, 422, 422]
    again = [ledger.refund(payment, amount=40, key=f"k{number}").status for number in range(5)]
    assert again == [201, 201, 422, 422, 422]
    assert ledger.get(ALICE, f"/v1/payments/{payment}").json["amount_refunded"] == 80
    audit(ledger.store.inner.items)


class Racing(FaultyDynamo):
    """Another refund happens right before each transaction, as long as there are some."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], Any]] = []

    def transact(self, *args: Any, **more: Any) -> None:
        others, self.others = self.others, []
        if others:
            others[0]()
            self.others = others[1:]
        super().transact(*args, **more)


@pytest.mark.parametrize("races", [1, 2, 3])
def test_whatever_the_races(races: int) -> None:
    store = Racing()
    ledger = SmallLedger(store=store)
    payment = ledger.made(ledger.pay())
    store.others = [lambda: ledger.refund(payment, amount=40)] * races
    last = ledger.refund(payment, amount=40)
    assert last.status == (201 if races == 1 else 422)
    assert ledger.get(ALICE, f"/v1/payments/{payment}").json["amount_refunded"] == 80
    assert ledger.balance(ledger.shop)["posted"] == 20
    audit(store.inner.items)


@pytest.mark.parametrize("state", ["authorized", "canceled", "declined"])
def test_states_without_anything_to_refund(state: str) -> None:
    ledger = SmallLedger()
    payment = ledger.pay(amount=10**9).json["payment"] if state == "declined" else ledger.authorize()
    if state == "canceled":
        ledger.step(payment, "cancel")
    before = ledger.snapshot()
    refused = ledger.refund(payment)
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")
    assert ledger.snapshot() == before


# Who may refund.


@pytest.mark.parametrize(
    ("client", "status"),
    [(OPERATOR, 201), (ALICE, 403), (BOB, 404), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_refunds(client: Client, status: int) -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    before = ledger.snapshot()
    assert ledger.refund(payment, client).status == status
    assert (ledger.snapshot() == before) is (status != 201)


def test_the_payees_owner_refunds_what_it_took_by_mandate() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.alice, SHOP)
    assert ledger.refund(ledger.made(ledger.pay(SHOP)), SHOP).status == 201


def test_the_payees_owner_refunds_what_it_was_paid() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    assert ledger.refund(payment, SHOP).status == 201


# Accounts that changed since.


@pytest.mark.parametrize(
    ("side", "changes", "status", "code"),
    [
        ("shop", {"s": "frozen"}, 402, "account_frozen"),
        ("shop", {"s": "closed"}, 422, "account_closed"),
        ("alice", {"s": "frozen"}, 201, None),
        ("alice", {"s": "closed"}, 422, "account_closed"),
    ],
)
def test_accounts_that_changed_since(side: str, changes: dict[str, Any], status: int, code: str | None) -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    ledger.change(getattr(ledger, side), **changes)
    answer = ledger.refund(payment)
    assert (answer.status, answer.json.get("code")) == (status, code)
    audit(ledger.store.inner.items)


def test_a_wallet_without_funds_declines_and_the_payment_is_untouched() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay(payee=ledger.bob))
    ledger.made(ledger.transfer(BOB, source=ledger.bob, destination=ledger.alice, amount=60))
    declined = ledger.refund(payment, amount=41, key="k")
    assert (declined.status, declined.json["decline_code"]) == (402, "insufficient_funds")
    refund = ledger.get(OPERATOR, f"/v1/refunds/{declined.json['refund']}").json
    assert (refund["status"], refund["decline_code"], refund["amount"]) == ("declined", "insufficient_funds", 41)
    assert ledger.get(ALICE, f"/v1/payments/{payment}").json["version"] == 1
    ledger.fund(ledger.bob, 1_000)
    again = ledger.refund(payment, amount=41, key="k")
    assert (again.status, again.text, again.headers["Idempotent-Replayed"]) == (402, declined.text, "true")
    assert ledger.refund(payment, amount=41).status == 201
    audit(ledger.store.inner.items)


def test_a_merchant_may_refund_what_it_has_no_longer() -> None:
    """An account without a floor takes refunds at any time: it is settled later."""
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    for _ in range(5):
        ledger.made(ledger.refund(ledger.made(ledger.pay())))
    assert ledger.refund(payment).status == 201
    audit(ledger.store.inner.items)


# Versions and bodies.


@pytest.mark.parametrize(("tag", "status"), [('"1"', 201), ('"2"', 412), ("x", 400)])
def test_if_match_is_the_payments(tag: str, status: int) -> None:
    ledger = SmallLedger()
    body = {"payment": ledger.made(ledger.pay())}
    assert ledger.post(OPERATOR, "/v1/refunds", body, headers={"If-Match": tag}).status == status


def test_a_missing_payment() -> None:
    ledger = SmallLedger()
    refused = ledger.refund(foreign(ledger.made(ledger.pay())))
    assert (refused.status, refused.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"payment": "pay_1"}, "payment"),
        ({"payment": None}, "payment"),
        ({"payment": "acct_00000000000000000000000000w0"}, "payment"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.0}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"amount": 10**15 + 1}, "amount"),
        ({"reason": "x"}, "reason"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_body(changes: dict[str, Any], param: str) -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    refused = ledger.post(OPERATOR, "/v1/refunds", {"payment": payment, **changes})
    assert (refused.status, refused.json["param"]) == (400, param)
