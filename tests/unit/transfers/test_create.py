"""Transferring: what moves, which kinds, who may, what is declined and what is refused."""

from typing import Any

import pytest

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
    SmallLedger,
    foreign,
    without_external,
)


def test_the_answer() -> None:
    ledger = SmallLedger()
    answer = ledger.transfer()
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.json == {
        "id": answer.json["id"],
        "object": "transfer",
        "status": "posted",
        "source": ledger.alice,
        "destination": ledger.bob,
        "amount": 100,
        "currency": "USD",
        "version": 1,
        "created_at": "2026-11-23T09:00:00.000Z",
    }
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR - 100
    assert ledger.balance(ledger.bob)["available"] == 100
    audit(ledger.store.inner.items)


# The table of docs/accounts.md: which kinds may stand where, and who needs the scope for money's way in and out.

KINDS = ["wallet", "merchant", "platform", "external"]
TABLE = {
    # source: destination wallet, merchant, platform, external
    "wallet": [201, 201, 201, 201],
    "merchant": [422, 422, 422, 422],
    "platform": [422, 422, 422, 422],
    "external": [201, 201, 201, 201],
}


@pytest.mark.parametrize(
    ("source", "destination", "status"),
    [(source, kind, status) for source, row in TABLE.items() for kind, status in zip(KINDS, row, strict=True)],
)
@pytest.mark.parametrize("scoped", [True, False])
def test_kinds_and_the_scope(source: str, destination: str, status: int, scoped: bool) -> None:
    ledger = SmallLedger()
    first, second = ledger.open(OPERATOR, source), ledger.open(OPERATOR, destination)
    if source == "wallet":
        ledger.fund(first, 100)
    client = OPERATOR if scoped else without_external(OPERATOR)
    expected = 403 if not scoped and "external" in {source, destination} else status
    before = ledger.snapshot()
    answer = ledger.transfer(client, source=first, destination=second)
    assert answer.status == expected
    assert (ledger.snapshot() == before) is (expected != 201)
    audit(ledger.store.inner.items)


@pytest.mark.parametrize(
    ("client", "mandate", "status"),
    [
        (ALICE, None, 201),
        (BOB, None, 404),
        (OPERATOR, None, 404),
        (ELSEWHERE, None, 404),
        (BOB, BOB, 201),
        (SHOP, BOB, 404),
    ],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_may_debit(client: Client, mandate: Client | None, status: int) -> None:
    ledger = SmallLedger()
    if mandate:
        ledger.give_mandate(ledger.alice, mandate)
    before = ledger.snapshot()
    assert ledger.transfer(client).status == status
    assert (ledger.snapshot() == before) is (status == 404)


def test_nobody_else_takes_from_an_external_account() -> None:
    ledger = SmallLedger()
    other = ledger.platform.register(Client("cl_second", "prn_second", "operator"))
    refused = ledger.transfer(other, source=ledger.external)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (404, "account_not_found", "source")


@pytest.mark.parametrize("changes", [{}, {"s": "frozen"}, {"s": "closed"}, {"f": 0}, {"c": "EUR"}], ids=repr)
def test_somebody_elses_wallet_is_a_missing_one(changes: dict[str, Any]) -> None:
    ledger = SmallLedger()
    ledger.change(ledger.alice, **changes)
    hidden = ledger.transfer(BOB)
    missing = ledger.transfer(BOB, source=foreign(ledger.alice))
    assert hidden.json["detail"].replace(ledger.alice, "") == missing.json["detail"].replace(foreign(ledger.alice), "")
    assert (hidden.status, hidden.json["code"]) == (missing.status, missing.json["code"])


@pytest.mark.parametrize(
    ("changes", "code"), [({}, "insufficient_funds"), ({"s": "frozen"}, "account_frozen")], ids=repr
)
def test_a_decline(changes: dict[str, Any], code: str) -> None:
    ledger = SmallLedger()
    ledger.change(ledger.alice, **changes)
    declined = ledger.transfer(amount=FUNDS_MINOR + 1, key="k")
    assert (declined.status, declined.json["code"], declined.json["decline_code"]) == (402, code, code)
    transfer = ledger.get(ALICE, f"/v1/transfers/{declined.json['transfer']}").json
    assert (transfer["status"], transfer["decline_code"]) == ("declined", code)
    assert ledger.balance(ledger.bob)["posted"] == 0
    ledger.change(ledger.alice, s="open")
    ledger.fund(ledger.alice, FUNDS_MINOR)
    assert ledger.transfer(amount=FUNDS_MINOR + 1, key="k").text == declined.text
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.THROTTLED])
def test_a_ledger_under_load_declines_nothing(fault: Fault) -> None:
    ledger = SmallLedger()
    ledger.store.transacts.extend([fault] * 5)
    assert ledger.transfer().status == 201


@pytest.mark.parametrize(
    ("side", "changes", "status", "code"),
    [
        ("destination", {"s": "frozen"}, 201, None),
        ("destination", {"s": "closed"}, 422, "account_closed"),
        ("destination", {"c": "EUR"}, 422, "currency_mismatch"),
        ("source", {"s": "closed"}, 422, "account_closed"),
        ("source", {"c": "EUR"}, 422, "currency_mismatch"),
    ],
)
def test_the_other_refusals(side: str, changes: dict[str, Any], status: int, code: str | None) -> None:
    ledger = SmallLedger()
    ledger.change(ledger.alice if side == "source" else ledger.bob, **changes)
    answer = ledger.transfer()
    assert (answer.status, answer.json.get("code")) == (status, code)
    if code:
        assert answer.json["param"] == side


def test_accounts_that_do_not_exist() -> None:
    ledger = SmallLedger()
    theirs = ledger.open(ELSEWHERE, "wallet")
    for destination in (NOWHERE, theirs):
        refused = ledger.transfer(destination=destination)
        assert (refused.status, refused.json["code"], refused.json["param"]) == (
            404,
            "account_not_found",
            "destination",
        )


def test_to_itself() -> None:
    ledger = SmallLedger()
    refused = ledger.transfer(destination=ledger.alice)
    assert (refused.status, refused.json["code"]) == (422, "same_account")
    assert ledger.store.round_trips["transact"] == 0


def test_after_a_try_nobody_heard_of_a_refusal_is_not_certain() -> None:
    ledger = SmallLedger()
    ledger.change(ledger.bob, s="closed")
    ledger.store.transacts.append(Fault.LOST_BEFORE)
    unsure = ledger.transfer(key="k")
    assert (unsure.status, unsure.json["code"]) == (503, "outcome_unknown")
    assert ledger.transfer(key="k").json["code"] == "account_closed"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 1.0}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**15 + 1}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"source": "acct_1"}, "source"),
        ({"destination": None}, "destination"),
        ({"memo": "x"}, "memo"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_body(changes: dict[str, Any], param: str) -> None:
    refused = SmallLedger().transfer(**changes)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (400, "invalid_request", param)
