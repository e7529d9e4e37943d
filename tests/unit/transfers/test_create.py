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
        "amount_posted": 100,
        "amount_reversed": 0,
        "currency": "USD",
        "description": None,
        "metadata": {},
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


# Holds.


def test_a_hold_sets_the_money_aside() -> None:
    ledger = SmallLedger()
    answer = ledger.transfer(mode="hold", description="Rent", metadata={"flat": "7"})
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert (answer.json["status"], answer.json["amount_posted"]) == ("held", 0)
    assert (answer.json["description"], answer.json["metadata"]) == ("Rent", {"flat": "7"})
    assert answer.json["expires_at"] == "2026-11-30T09:00:00.000Z"
    assert ledger.get(ALICE, f"/v1/transfers/{answer.json['id']}").json == answer.json
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 100, "available": FUNDS_MINOR - 100}
    assert ledger.balance(ledger.bob)["posted"] == 0
    audit(ledger.store.inner.items)


@pytest.mark.parametrize(
    ("seconds", "expires_at"), [(60, "2026-11-23T09:01:00.000Z"), (30 * 86_400, "2026-12-23T09:00:00.000Z")]
)
def test_how_long_it_holds(seconds: int, expires_at: str) -> None:
    assert SmallLedger().transfer(mode="hold", expires_in_seconds=seconds).json["expires_at"] == expires_at


@pytest.mark.parametrize("changes", [{"mode": "hold"}, {"mode": "immediate"}], ids=repr)
def test_what_is_held_cannot_be_spent_again(changes: dict[str, Any]) -> None:
    ledger = SmallLedger()
    ledger.hold(amount=FUNDS_MINOR)
    declined = ledger.transfer(amount=1, **changes)
    assert (declined.status, declined.json["decline_code"]) == (402, "insufficient_funds")
    transfer = ledger.get(ALICE, f"/v1/transfers/{declined.json['transfer']}").json
    assert (transfer["status"], transfer["amount_posted"], "expires_at" in transfer) == ("declined", 0, False)
    assert len([key for key in ledger.snapshot() if "#due-transfer#" in key.pk]) == 1


def test_only_a_wallet_holds() -> None:
    ledger = SmallLedger()
    refused = ledger.transfer(OPERATOR, source=ledger.external, mode="hold")
    assert (refused.status, refused.json["code"], refused.json["param"]) == (422, "account_kind_not_allowed", "source")


# Scheduled.


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("2026-11-24", "2026-11-24T00:00:00.000Z"),
        ("2026-11-23T09:00:00.001Z", "2026-11-23T09:00:00.001Z"),
        ("2026-11-24T01:00:00+02:00", "2026-11-23T23:00:00.000Z"),
        ("2027-11-23", "2027-11-23T00:00:00.000Z"),
        ("2027-11-24T09:00:00Z", "2027-11-24T09:00:00.000Z"),
    ],
)
def test_a_transfer_for_later_moves_nothing_yet(asked: str, shown: str) -> None:
    ledger = SmallLedger()
    answer = ledger.transfer(amount=FUNDS_MINOR + 1, scheduled_for=asked)
    assert (answer.status, answer.json["status"], answer.json["scheduled_for"]) == (201, "scheduled", shown)
    assert ledger.get(ALICE, f"/v1/transfers/{answer.json['id']}").json == answer.json
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 0, "available": FUNDS_MINOR}


@pytest.mark.parametrize("changes", [{"mode": "hold"}, {"scheduled_for": "2026-12-01"}], ids=repr)
@pytest.mark.parametrize(
    ("account", "attributes", "status", "code"),
    [
        ("bob", {"s": "closed"}, 422, "account_closed"),
        ("bob", {"c": "EUR"}, 422, "currency_mismatch"),
        ("alice", {"s": "closed"}, 422, "account_closed"),
        ("alice", {"c": "EUR"}, 422, "currency_mismatch"),
        ("alice", {"o": "prn_nobody"}, 404, "account_not_found"),
        ("bob", {"s": "frozen"}, 201, None),
    ],
    ids=repr,
)
def test_what_could_never_be_done_is_refused_at_once(
    changes: dict[str, Any], account: str, attributes: dict[str, Any], status: int, code: str | None
) -> None:
    ledger = SmallLedger()
    ledger.change(getattr(ledger, account), **attributes)
    before = ledger.snapshot()
    answer = ledger.transfer(**changes)
    assert (answer.status, answer.json.get("code")) == (status, code)
    if code:
        assert answer.json["param"] == ("source" if account == "alice" else "destination")
        assert ledger.snapshot() == before


@pytest.mark.parametrize("changes", [{"mode": "hold"}, {"scheduled_for": "2026-12-01"}], ids=repr)
def test_a_destination_that_does_not_exist(changes: dict[str, Any]) -> None:
    ledger = SmallLedger()
    refused = ledger.transfer(destination=NOWHERE, **changes)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (404, "account_not_found", "destination")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": "later"}, "mode"),
        ({"expires_in_seconds": 60}, "expires_in_seconds"),
        ({"mode": "immediate", "expires_in_seconds": 60}, "expires_in_seconds"),
        ({"mode": "hold", "expires_in_seconds": 59}, "expires_in_seconds"),
        ({"mode": "hold", "expires_in_seconds": 30 * 86_400 + 1}, "expires_in_seconds"),
        ({"mode": "hold", "expires_in_seconds": "60"}, "expires_in_seconds"),
        ({"mode": "hold", "scheduled_for": "2026-12-01"}, "scheduled_for"),
        ({"scheduled_for": "2026-11-23"}, "scheduled_for"),
        ({"scheduled_for": "2026-11-23T09:00:00Z"}, "scheduled_for"),
        ({"scheduled_for": "2027-11-24T09:00:00.001Z"}, "scheduled_for"),
        ({"scheduled_for": "2026-12-01T09:00:00"}, "scheduled_for"),
        ({"scheduled_for": "2027-02-29"}, "scheduled_for"),
        ({"scheduled_for": "1/12/2026"}, "scheduled_for"),
        ({"scheduled_for": 1}, "scheduled_for"),
        ({"description": "4111111111111111"}, "description"),
        ({"metadata": {"a": "x" * 512}}, "metadata.a"),
        ({"metadata": {"a": "x" * 500, "b": "y" * 11}}, "metadata"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_terms_that_make_no_sense(changes: dict[str, Any], param: str) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    refused = ledger.transfer(**changes)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (400, "invalid_request", param)
    assert refused.json["errors"][0]["param"] == param
    assert ledger.snapshot() == before


def test_the_largest_transfer_fits_its_units() -> None:
    ledger = SmallLedger()
    ledger.store.reset_counters()
    answer = ledger.transfer(key="k" * 36, description="d" * 500)
    assert answer.status == 201
    assert ledger.store.write_units == 8
