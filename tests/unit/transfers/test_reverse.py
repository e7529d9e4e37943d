"""Reversing a transfer: a linked one back, never more than was posted, whoever asks and however often."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from chalicelib.store.commit import read_record
from chalicelib.store.port import Write
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.platform import Client, Response
from tests.doubles.small_ledger import (
    ALICE,
    BOB,
    ELSEWHERE,
    FUNDS_MINOR,
    OPERATOR,
    SHOP,
    SmallLedger,
    without_external,
)
from tests.doubles.statements import Projected


def _posted(ledger: SmallLedger, **changes: Any) -> str:
    return ledger.made(ledger.transfer(**{"amount": 700} | changes))


def test_the_answer() -> None:
    ledger = SmallLedger()
    transfer = _posted(ledger)
    answer = ledger.turn(transfer, "reverse", BOB, amount=200)
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    reversal = answer.json
    original = reversal.pop("original")
    assert (reversal["status"], reversal["reverses"], reversal["amount_posted"]) == ("posted", transfer, 200)
    assert (reversal["source"], reversal["destination"]) == (ledger.bob, ledger.alice)
    assert (original["amount_reversed"], original["version"], original["status"]) == (200, 2, "posted")
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json == original
    assert ledger.get(ALICE, f"/v1/transfers/{reversal['id']}").json == reversal
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR - 500
    assert ledger.balance(ledger.bob)["available"] == 500
    audit(ledger.store.inner.items)


def test_never_more_than_was_posted() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700)
    assert ledger.turn(transfer, "post", amount=300).status == 200
    ledger.fund(ledger.bob, 1_000)
    assert ledger.turn(transfer, "reverse", BOB, amount=200).status == 201
    for amount in (101, 10**15):
        refused = ledger.turn(transfer, "reverse", BOB, amount=amount)
        assert (refused.status, refused.json["code"], refused.json["param"]) == (422, "reversal_too_large", "amount")
    assert ledger.turn(transfer, "reverse", BOB).json["amount"] == 100
    assert ledger.turn(transfer, "reverse", BOB).json["code"] == "reversal_too_large"
    assert ledger.balance(ledger.bob)["available"] == 1_000
    audit(ledger.store.inner.items)


class Racing(FaultyDynamo):
    """Something else happens right before one transaction."""

    event: Callable[[], object] | None = None

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        event, self.event = self.event, None
        if event:
            event()
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(("amount", "second"), [(None, 422), (400, 422), (300, 201)])
def test_two_at_once_share_what_was_posted(amount: int | None, second: int) -> None:
    store = Racing()
    ledger = SmallLedger(store=store)
    transfer = _posted(ledger)
    more: dict[str, Any] = {} if amount is None else {"amount": amount}
    first: list[Response] = []
    store.event = lambda: first.append(ledger.turn(transfer, "reverse", BOB, **more))
    assert ledger.turn(transfer, "reverse", OPERATOR, **more).status == second
    assert first[0].status == 201
    assert ledger.balance(ledger.bob)["available"] >= 0
    audit(store.inner.items)


@pytest.mark.parametrize(
    ("client", "mandate", "status"),
    [
        (BOB, None, 201),
        (OPERATOR, None, 201),
        (ALICE, None, 403),
        (SHOP, None, 404),
        (ELSEWHERE, None, 404),
        (SHOP, SHOP, 201),
    ],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_may(client: Client, mandate: Client | None, status: int) -> None:
    ledger = SmallLedger()
    transfer = _posted(ledger)
    if mandate:
        ledger.give_mandate(ledger.bob, mandate)
    before = ledger.snapshot()
    answer = ledger.turn(transfer, "reverse", client)
    assert answer.status == status
    assert (ledger.snapshot() == before) is (status != 201)
    if status == 201:
        assert ledger.state("transfer", answer.json["id"])["o"] == client.principal


def test_a_merchant_may_go_negative_and_a_wallet_may_not() -> None:
    ledger = SmallLedger()
    to_shop, to_bob = _posted(ledger, destination=ledger.shop), _posted(ledger)
    assert ledger.turn(_posted(ledger, destination=ledger.shop, amount=1), "reverse", SHOP).status == 201
    assert ledger.turn(to_shop, "reverse", SHOP).status == 201
    ledger.made(ledger.transfer(BOB, source=ledger.bob, destination=ledger.alice, amount=1))
    before = ledger.get(ALICE, f"/v1/transfers/{to_bob}").json
    declined = ledger.turn(to_bob, "reverse", BOB, key="k")
    assert (declined.status, declined.json["decline_code"]) == (402, "insufficient_funds")
    reversal = ledger.get(BOB, f"/v1/transfers/{declined.json['transfer']}").json
    assert (reversal["status"], reversal["reverses"], reversal["amount_posted"]) == ("declined", to_bob, 0)
    assert ledger.get(ALICE, f"/v1/transfers/{to_bob}").json == before
    ledger.fund(ledger.bob, 700)
    assert ledger.turn(to_bob, "reverse", BOB, key="k").text == declined.text
    assert ledger.turn(to_bob, "reverse", BOB).status == 201
    audit(ledger.store.inner.items)


@pytest.mark.parametrize(
    ("account", "changes", "status", "code", "param"),
    [
        ("bob", {"s": "frozen"}, 402, "account_frozen", "destination"),
        ("bob", {"s": "closed"}, 422, "account_closed", "destination"),
        ("alice", {"s": "closed"}, 422, "account_closed", "source"),
        ("alice", {"s": "frozen"}, 201, None, None),
    ],
    ids=repr,
)
def test_accounts_that_have_changed(
    account: str, changes: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    ledger = SmallLedger()
    transfer = _posted(ledger)
    ledger.change(getattr(ledger, account), **changes)
    answer = ledger.turn(transfer, "reverse", BOB)
    assert (answer.status, answer.json.get("code"), answer.json.get("param")) == (status, code, param)


def test_what_has_not_moved_cannot_come_back() -> None:
    ledger = SmallLedger()
    declined = ledger.transfer(amount=10**9).json["transfer"]
    for transfer in (ledger.hold(), ledger.made(ledger.transfer(scheduled_for="2026-12-01")), declined):
        assert ledger.turn(transfer, "reverse", OPERATOR).json["code"] == "state_conflict"


def test_money_goes_back_out_only_with_the_scope_for_it() -> None:
    ledger = SmallLedger()
    funding = ledger.made(ledger.transfer(OPERATOR, source=ledger.external, destination=ledger.bob))
    assert ledger.turn(funding, "reverse", BOB).status == 403
    assert ledger.turn(funding, "reverse", without_external(OPERATOR)).status == 403
    assert ledger.turn(funding, "reverse", OPERATOR).status == 201


def test_both_objects_have_their_event_and_what_they_became() -> None:
    world = Projected()
    transfer = _posted(world.ledger)
    reversal = world.ledger.turn(transfer, "reverse", BOB)
    world.catch_up()
    world.ledger.clock.move(60)
    rows = world.ledger.get(OPERATOR, "/v1/events", limit="100").json["data"]
    found = {(row["object_id"], row["object_version"]): (row["type"], row["data"]) for row in rows}
    assert found[transfer, 2] == ("transfer.reversed", reversal.json["original"])
    assert found[reversal.json["id"], 1] == ("transfer.posted", reversal.json)


def test_the_commits_say_all_there_is_to_know_of_both() -> None:
    """The ledger can be rebuilt from the commit records alone."""
    ledger = SmallLedger()
    transfer = _posted(ledger)
    reversal = ledger.turn(transfer, "reverse", BOB, amount=1).json["id"]
    (record,) = [record for record in ledger.records() if record["op"] == "transfers.reverse"]
    said = orjson.loads(read_record(record).answer.body)
    assert said.pop("original") == ledger.get(OPERATOR, f"/v1/transfers/{transfer}").json
    assert said == ledger.get(OPERATOR, f"/v1/transfers/{reversal}").json
