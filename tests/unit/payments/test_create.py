"""Making a payment: what moves, who may, what is declined, what is refused and what is not even looked at."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.store.keys import due_key
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault
from tests.doubles.platform import Client
from tests.doubles.small_ledger import (
    ALICE,
    BOB,
    ELSEWHERE,
    FUNDS_MINOR,
    NOWHERE,
    OPERATOR,
    SHOP,
    TENANT,
    SmallLedger,
    foreign,
)

CARD = "4111 1111 1111 1111"


def test_the_answer() -> None:
    ledger = SmallLedger()
    answer = ledger.pay(description="Two tickets", metadata={"order": "17"})
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {
        "id": answer.json["id"],
        "object": "payment",
        "status": "captured",
        "amount": 100,
        "amount_captured": 100,
        "amount_refunded": 0,
        "fee": 0,
        "currency": "USD",
        "payer": ledger.alice,
        "payee": ledger.shop,
        "reference": None,
        "description": "Two tickets",
        "metadata": {"order": "17"},
        "version": 1,
        "created_at": "2026-11-23T09:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("capture", "payer", "payee"),
    [
        ("automatic", {"posted": -100, "held": 0, "available": -100}, 100),
        ("manual", {"posted": 0, "held": 100, "available": -100}, 0),
    ],
)
def test_what_moves(capture: str, payer: dict[str, int], payee: int) -> None:
    ledger = SmallLedger()
    before = ledger.balance(ledger.alice)
    ledger.made(ledger.pay(capture=capture))
    assert ledger.balance(ledger.alice) == {name: before[name] + payer[name] for name in before}
    assert ledger.balance(ledger.shop)["posted"] == payee
    audit(ledger.store.inner.items)


def test_a_hold_has_an_end_and_a_reminder_of_it() -> None:
    ledger = SmallLedger()
    answer = ledger.pay(capture="manual")
    assert answer.json["status"] == "authorized"
    assert answer.json["capture_before"] == "2026-11-30T09:00:00.000Z"
    due_at = ledger.clock.now_at() + 7 * 86_400_000
    assert due_key(TENANT, "payment", due_at, answer.json["id"]) in ledger.store.inner.items
    assert "capture_before" not in ledger.pay().json


def test_a_hold_cannot_be_spent_twice() -> None:
    ledger = SmallLedger()
    ledger.authorize(amount=FUNDS_MINOR)
    assert ledger.pay(amount=1).json["code"] == "insufficient_funds"
    assert ledger.pay(amount=1, capture="manual").status == 402
    assert ledger.transfer(amount=1).status == 402


def test_load_is_spread_over_the_payees_slices() -> None:
    ledger = SmallLedger()
    for _ in range(40):
        ledger.pay(amount=1)
    slices = {leg.get("n", 0) for record in ledger.records() for leg in record["l"] if leg["a"] == ledger.shop}  # type: ignore[union-attr,index,call-overload]
    assert slices == {0, 1, 2, 3}


# Who may debit.


@pytest.mark.parametrize(
    ("client", "mandate", "status"),
    [
        (ALICE, None, 201),
        (BOB, None, 404),
        (SHOP, None, 404),
        (OPERATOR, None, 404),
        (ELSEWHERE, None, 404),
        (SHOP, SHOP, 201),
        (OPERATOR, OPERATOR, 201),
        (BOB, SHOP, 404),
        (ALICE, SHOP, 201),
    ],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_who_may_pay_from_a_wallet(client: Client, mandate: Client | None, status: int, capture: str) -> None:
    ledger = SmallLedger()
    if mandate:
        ledger.give_mandate(ledger.alice, mandate)
    before = ledger.snapshot()
    answer = ledger.pay(client, capture=capture)
    assert answer.status == status
    assert (ledger.snapshot() == before) is (status == 404)


@pytest.mark.parametrize("changes", [{}, {"s": "frozen"}, {"s": "closed"}, {"f": 0}, {"c": "EUR"}], ids=repr)
@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_somebody_elses_wallet_is_a_missing_one(changes: dict[str, Any], capture: str) -> None:
    ledger = SmallLedger()
    ledger.change(ledger.alice, **changes)
    hidden = ledger.pay(BOB, capture=capture)
    missing = ledger.pay(BOB, capture=capture, payer=foreign(ledger.alice))
    assert (hidden.status, hidden.json["code"], hidden.json["param"]) == (404, "account_not_found", "payer")
    words = hidden.json | {"instance": "", "detail": hidden.json["detail"].replace(ledger.alice, "")}
    others = missing.json | {"instance": "", "detail": missing.json["detail"].replace(foreign(ledger.alice), "")}
    assert words == others
    assert hidden.headers == missing.headers


def test_whoever_pays_owns_the_payment() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.alice, SHOP)
    payment = ledger.made(ledger.pay(SHOP))
    assert ledger.get(SHOP, f"/v1/payments/{payment}").status == 200
    assert ledger.get(ALICE, f"/v1/payments/{payment}").status == 404


# Declines.


@pytest.mark.parametrize(
    ("arrange", "code"),
    [
        (lambda _: None, "insufficient_funds"),
        (lambda ledger: ledger.change(ledger.alice, s="frozen"), "account_frozen"),
    ],
    ids=["insufficient_funds", "account_frozen"],
)
@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_a_decline(arrange: Callable[[SmallLedger], None], code: str, capture: str) -> None:
    ledger = SmallLedger()
    arrange(ledger)
    money = [ledger.balance(account) for account in (ledger.alice, ledger.shop)]
    answer = ledger.pay(amount=FUNDS_MINOR + 1, capture=capture, key="k")
    assert answer.status == 402
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json["code"], answer.json["decline_code"], answer.json["param"]) == (code, code, "payer")
    payment = ledger.get(ALICE, f"/v1/payments/{answer.json['payment']}").json
    assert (payment["status"], payment["decline_code"]) == ("declined", code)
    assert (payment["amount"], payment["amount_captured"], payment["version"]) == (FUNDS_MINOR + 1, 0, 1)
    assert "capture_before" not in payment
    assert [ledger.balance(account) for account in (ledger.alice, ledger.shop)] == money
    audit(ledger.store.inner.items)


def test_a_decline_is_remembered_though_funds_have_come() -> None:
    ledger = SmallLedger()
    first = ledger.pay(BOB, payer=ledger.bob, key="k")
    assert first.status == 402
    ledger.fund(ledger.bob, 1_000)
    again = ledger.pay(BOB, payer=ledger.bob, key="k")
    assert (again.status, again.text) == (402, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"
    assert ledger.pay(BOB, payer=ledger.bob).status == 201


def test_a_decline_is_not_two() -> None:
    ledger = SmallLedger()
    ledger.store.transacts.extend([None, Fault.LOST_AFTER])
    first = ledger.pay(BOB, payer=ledger.bob, key="k")
    assert (first.status, first.headers["Idempotent-Replayed"]) == (402, "true")
    declined = [row for row in ledger.get(OPERATOR, "/v1/payments").json["data"] if row["status"] == "declined"]
    assert [row["id"] for row in declined] == [first.json["payment"]]


def test_the_last_cent_can_be_spent() -> None:
    ledger = SmallLedger()
    assert ledger.pay(amount=FUNDS_MINOR).status == 201
    assert ledger.balance(ledger.alice) == {"posted": 0, "held": 0, "available": 0}
    assert ledger.pay(amount=1).status == 402


# Refusals: nothing is made and the key stays free.


def _refused(ledger: SmallLedger, code: str, status: int, param: str, **changes: Any) -> None:
    before = ledger.snapshot()
    refused = ledger.pay(key="k", **changes)
    assert (refused.status, refused.json["code"], refused.json.get("param")) == (status, code, param)
    assert ledger.snapshot() == before


@pytest.mark.parametrize("capture", ["automatic", "manual"])
@pytest.mark.parametrize(
    ("side", "changes", "status", "code"),
    [
        ("payee", {"s": "closed"}, 422, "account_closed"),
        ("payer", {"s": "closed"}, 422, "account_closed"),
        ("payee", {"c": "EUR"}, 422, "currency_mismatch"),
        ("payer", {"c": "EUR"}, 422, "currency_mismatch"),
    ],
)
def test_accounts_that_cannot_stand_there(
    side: str, changes: dict[str, Any], status: int, code: str, capture: str
) -> None:
    ledger = SmallLedger()
    ledger.change(ledger.alice if side == "payer" else ledger.shop, **changes)
    _refused(ledger, code, status, side, capture=capture)


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_a_payee_that_does_not_exist(capture: str) -> None:
    ledger = SmallLedger()
    _refused(ledger, "account_not_found", 404, "payee", payee=NOWHERE, capture=capture)
    other_letter = ledger.shop[:-2] + "p" + ledger.shop[-1]
    _refused(ledger, "account_not_found", 404, "payee", payee=other_letter, capture=capture)


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_a_payee_of_another_tenant(capture: str) -> None:
    ledger = SmallLedger()
    theirs = ledger.open(ELSEWHERE, "merchant")
    _refused(ledger, "account_not_found", 404, "payee", payee=theirs, capture=capture)


def test_what_the_ids_alone_rule_out() -> None:
    ledger = SmallLedger()
    _refused(ledger, "same_account", 422, "payee", payee=ledger.alice)
    _refused(ledger, "account_kind_not_allowed", 422, "payer", payer=ledger.shop, payee=ledger.bob)
    _refused(ledger, "account_kind_not_allowed", 422, "payer", payer=ledger.external)
    _refused(ledger, "account_kind_not_allowed", 422, "payee", payee=ledger.external)
    platform = ledger.open(OPERATOR, "platform")
    _refused(ledger, "account_kind_not_allowed", 422, "payer", payer=platform)
    assert ledger.store.round_trips["transact"] == 1, "only the opening of the platform's account"


@pytest.mark.parametrize("kind", ["wallet", "merchant", "platform"])
def test_who_can_be_paid(kind: str) -> None:
    ledger = SmallLedger()
    payee = ledger.open(OPERATOR, kind)
    assert ledger.pay(payee=payee).status == 201
    assert ledger.balance(payee)["available"] == 100
    audit(ledger.store.inner.items)


def test_a_refusal_goes_before_a_decline() -> None:
    """A decline makes an object; nothing is made of a request that could never succeed."""
    ledger = SmallLedger()
    ledger.change(ledger.alice, s="frozen")
    _refused(ledger, "account_not_found", 404, "payee", payee=NOWHERE)


def test_a_refused_key_may_be_tried_again() -> None:
    ledger = SmallLedger()
    ledger.change(ledger.shop, s="closed")
    assert ledger.pay(key="k").status == 422
    ledger.change(ledger.shop, s="open")
    answer = ledger.pay(key="k")
    assert answer.status == 201
    assert "Idempotent-Replayed" not in answer.headers


# Bodies.

AMOUNTS = ["1.0", "1e2", "-0", "0", "-1", '"1"', "true", "null", "[]", "{}", str(10**15 + 1), "1e15", "9" * 40, "0.1"]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_what_is_no_amount(amount: str) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    pair = f'"currency":"USD","payer":"{ledger.alice}","payee":"{ledger.shop}"'
    refused = ledger.post(ALICE, "/v1/payments", raw=f'{{"amount":{amount},{pair}}}')
    assert (refused.status, refused.json["code"], refused.json["param"]) == (400, "invalid_request", "amount")
    assert refused.json["errors"][0]["param"] == "amount"
    assert ledger.snapshot() == before


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", "9" * 4301, "01", "+1", "0x1"])
def test_what_is_not_even_json(amount: str) -> None:
    refused = SmallLedger().post(ALICE, "/v1/payments", raw=f'{{"amount":{amount}}}')
    assert (refused.status, refused.json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"currency": "XAU"}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"payer": "acct_1"}, "payer"),
        ({"payer": ["a"]}, "payer"),
        ({"payee": "pay_000000000000000000000000000"}, "payee"),
        ({"capture": "later"}, "capture"),
        ({"capture": None}, "capture"),
        ({"description": ""}, "description"),
        ({"description": "x" * 501}, "description"),
        ({"description": f"card {CARD}"}, "description"),
        ({"metadata": {"k": CARD}}, "metadata"),
        ({"metadata": {CARD: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 500, "l": "v" * 11}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"status": "captured"}, "status"),
        ({"fee": 1}, "fee"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_payment(changes: dict[str, Any], param: str) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    refused = ledger.pay(**changes)
    assert (refused.status, refused.json["code"]) == (400, "invalid_request")
    assert refused.json["param"].split(".")[0] == param
    assert CARD not in refused.text
    assert ledger.snapshot() == before


@pytest.mark.parametrize("missing", ["amount", "currency", "payer", "payee"])
def test_a_missing_field(missing: str) -> None:
    ledger = SmallLedger()
    body = {"amount": 1, "currency": "USD", "payer": ledger.alice, "payee": ledger.shop}
    del body[missing]
    assert ledger.post(ALICE, "/v1/payments", body).json["param"] == missing


@pytest.mark.parametrize("currency", ["JPY", "KWD", "CLF"])
def test_any_currency_is_minor_units(currency: str) -> None:
    ledger = SmallLedger()
    source, payer, payee = (
        ledger.open(client, kind, currency)
        for client, kind in ((OPERATOR, "external"), (ALICE, "wallet"), (SHOP, "merchant"))
    )
    ledger.made(ledger.transfer(OPERATOR, source=source, destination=payer, amount=5, currency=currency))
    assert ledger.pay(payer=payer, payee=payee, amount=5, currency=currency).status == 201
    assert ledger.pay(payer=payer, payee=ledger.shop, amount=5, currency=currency).status == 422
    audit(ledger.store.inner.items)


def test_the_largest_amount() -> None:
    ledger = SmallLedger()
    ledger.fund(ledger.alice, 10**15)
    assert ledger.pay(amount=10**15).status == 201
