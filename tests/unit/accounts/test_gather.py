"""How far below zero a merchant may go: exactly as far as its limit says, whatever its money was spread over."""

from typing import Any

import pytest

from chalicelib.store.keys import balance_key
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault
from tests.doubles.platform import Response
from tests.doubles.small_ledger import OPERATOR, SHOP, TENANT, SmallLedger


def limit(ledger: SmallLedger, minor: int | None, **more: Any) -> Response:
    body = {"negative_limit": minor, **more}
    return ledger.patch(OPERATOR, f"/v1/accounts/{ledger.shop}", body)


def _posted(ledger: SmallLedger) -> list[int]:
    items = ledger.store.inner.items
    return [items[balance_key(TENANT, ledger.shop, number)]["p"] for number in range(4)]  # type: ignore[misc]


def _paid(ledger: SmallLedger, times: int = 12) -> list[str]:
    return [ledger.made(ledger.pay(amount=100)) for _ in range(times)]


def _with_fee(ledger: SmallLedger) -> None:
    """Only what a merchant paid for a payment can take it below zero: a refund does not give the fee back."""
    rule = {"basis_points": 0, "fixed": 50, "account": ledger.open(OPERATOR, "platform")}
    assert ledger.patch(OPERATOR, f"/v1/accounts/{ledger.shop}", {"fee": rule}).status == 200


def test_without_a_limit_refunds_may_take_it_anywhere() -> None:
    ledger = SmallLedger()
    _with_fee(ledger)
    for payment in _paid(ledger):
        ledger.made(ledger.refund(payment))
    assert ledger.balance(ledger.shop)["posted"] == -600
    assert "spendable" not in ledger.get(SHOP, f"/v1/accounts/{ledger.shop}").json["balance"]


@pytest.mark.parametrize("minor", [0, 1, 99, 100, 250])
def test_a_refund_is_declined_exactly_beyond_the_limit(minor: int) -> None:
    ledger = SmallLedger()
    _with_fee(ledger)
    payments = _paid(ledger)
    assert limit(ledger, minor, slices=1).json["negative_limit"] == minor
    money = ledger.get(SHOP, f"/v1/accounts/{ledger.shop}").json["balance"]
    assert money == {"posted": 600, "held": 0, "available": 600, "spendable": 600 + minor}
    answers = [ledger.refund(payment) for payment in payments]
    whole = (600 + minor) // 100
    assert [answer.status for answer in answers] == [201] * whole + [402] * (12 - whole)
    declined = ledger.get(OPERATOR, f"/v1/refunds/{answers[-1].json['refund']}").json
    assert (declined["status"], declined["decline_code"]) == ("declined", "insufficient_funds")
    if rest := minor % 100:
        assert ledger.refund(payments[-1], amount=rest + 1).status == 402
        assert ledger.refund(payments[-1], amount=rest).status == 201
    assert ledger.balance(ledger.shop)["posted"] == -minor
    audit(ledger.store.inner.items)


def test_a_reversal_stops_there_too() -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer(destination=ledger.shop, amount=100))
    _with_fee(ledger)
    (payment,) = _paid(ledger, 1)
    limit(ledger, 10, slices=1)
    ledger.made(ledger.refund(payment))
    declined = ledger.turn(transfer, "reverse", OPERATOR, amount=61)
    assert (declined.status, declined.json["code"]) == (402, "insufficient_funds")
    assert ledger.turn(transfer, "reverse", OPERATOR, amount=60).status == 201
    assert ledger.balance(ledger.shop)["posted"] == -10
    audit(ledger.store.inner.items)


def test_what_the_slices_hold_comes_to_the_first() -> None:
    ledger = SmallLedger()
    _paid(ledger, 20)
    before = _posted(ledger)
    assert sum(before[1:]) > 0
    assert limit(ledger, 0, slices=1).status == 200
    assert _posted(ledger) == [2_000, 0, 0, 0]
    audit(ledger.store.inner.items)
    ledger.made(ledger.pay(amount=1))
    assert _posted(ledger) == [2_001, 0, 0, 0]


def test_slices_that_cancel_out_are_gathered_without_a_leg_for_the_first() -> None:
    ledger = SmallLedger()
    for number, minor in ((1, 70), (2, -70)):
        key = balance_key(TENANT, ledger.shop, number)
        ledger.store.inner.seed(key, {**ledger.store.inner.items[key], "p": minor})
    assert limit(ledger, 0, slices=1).status == 200
    assert _posted(ledger) == [0, 0, 0, 0]
    first = ledger.store.inner.items[balance_key(TENANT, ledger.shop, 0)]
    assert first["q"] == 0, "what does not move makes no entry"


def test_a_limit_needs_one_slice() -> None:
    ledger = SmallLedger()
    refused = limit(ledger, 0)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (
        422,
        "setting_not_allowed",
        "negative_limit",
    )
    assert limit(ledger, 0, slices=1).status == 200
    refused = ledger.patch(OPERATOR, f"/v1/accounts/{ledger.shop}", {"slices": 2})
    assert (refused.status, refused.json["param"]) == (422, "slices")
    assert limit(ledger, None, slices=2).json["slices"] == 2


def test_a_limit_below_what_is_owed_is_refused() -> None:
    ledger = SmallLedger()
    _with_fee(ledger)
    for payment in _paid(ledger, 6):
        ledger.made(ledger.refund(payment))
    before = ledger.snapshot()
    refused = limit(ledger, 299, slices=1)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (409, "state_conflict", "negative_limit")
    assert ledger.snapshot() == before
    assert limit(ledger, 300, slices=1).status == 200
    assert limit(ledger, 299).status == 409
    assert limit(ledger, 301).status == 200


def test_an_account_opened_with_a_limit() -> None:
    ledger = SmallLedger()
    body = {"kind": "merchant", "currency": "USD", "slices": 1, "negative_limit": 0}
    shop = ledger.made(ledger.post(OPERATOR, "/v1/accounts", body))
    assert ledger.get(OPERATOR, f"/v1/accounts/{shop}").json["balance"]["spendable"] == 0
    del body["slices"]
    refused = ledger.post(OPERATOR, "/v1/accounts", body)
    assert (refused.status, refused.json["param"]) == (422, "negative_limit")


def test_the_very_next_debit_knows() -> None:
    ledger = SmallLedger()
    _with_fee(ledger)
    payments = _paid(ledger, 2)
    limit(ledger, 0, slices=1)
    ledger.made(ledger.refund(payments[0]))
    assert ledger.refund(payments[1]).status == 402, "an environment that believed in no limit is told"
    limit(ledger, None)
    assert ledger.refund(payments[1]).status == 201


def test_a_posting_while_it_is_gathered_makes_it_look_again() -> None:
    ledger = SmallLedger()
    _paid(ledger, 8)
    ledger.store.transacts.append(Fault.CONFLICT)
    assert limit(ledger, 0, slices=1).status == 200
    assert _posted(ledger) == [800, 0, 0, 0]
    audit(ledger.store.inner.items)


def test_freezing_a_limited_account_moves_nothing() -> None:
    ledger = SmallLedger()
    _paid(ledger, 8)
    limit(ledger, 5, slices=1)
    shop = f"/v1/accounts/{ledger.shop}"
    assert ledger.post(OPERATOR, f"{shop}/freeze").status == 200
    assert ledger.post(OPERATOR, f"{shop}/unfreeze").status == 200
    assert ledger.patch(OPERATOR, shop, {"metadata": {"a": "b"}}).json["negative_limit"] == 5
    assert _posted(ledger) == [800, 0, 0, 0]
    audit(ledger.store.inner.items)
