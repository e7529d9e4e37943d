"""Batches: all or none, in one commit; the first transfer that fails is named."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from chalicelib.store.commit import read_record
from chalicelib.store.port import MAX_WRITES
from chalicelib.store.sizes import item_bytes
from chalicelib.transfers.schema import MOST_TRANSFERS
from tests.doubles.audit import audit
from tests.doubles.platform import Response
from tests.doubles.small_ledger import (
    ALICE,
    BOB,
    FUNDS_MINOR,
    NOWHERE,
    OPERATOR,
    SHOP,
    SmallLedger,
    without_external,
)
from tests.doubles.statements import Projected


def test_the_answer() -> None:
    ledger = SmallLedger()
    answer = ledger.batch((ledger.alice, ledger.bob, 100), (ledger.alice, ledger.shop, 200))
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.json.keys() == {"object", "id", "transfers"}
    assert answer.json["object"] == "transfer_batch"
    for made, destination, amount in zip(answer.json["transfers"], (ledger.bob, ledger.shop), (100, 200), strict=True):
        assert (made["status"], made["destination"], made["amount_posted"]) == ("posted", destination, amount)
        assert made["batch"] == answer.json["id"]
        assert ledger.get(ALICE, f"/v1/transfers/{made['id']}").json == made
    assert ledger.balance(ledger.alice)["available"] == FUNDS_MINOR - 300
    assert ledger.balance(ledger.bob)["available"] == 100
    assert ledger.balance(ledger.shop)["available"] == 200
    audit(ledger.store.inner.items)


def test_it_is_one_commit() -> None:
    ledger = SmallLedger()
    before = len(ledger.records())
    ledger.get(ALICE, "/v1/transfers/nothing")
    ledger.store.reset_counters()
    ledger.batch(*[(ledger.alice, ledger.bob, 1)] * 3)
    assert ledger.store.round_trips == {"transact": 1}
    assert ledger.store.write_units == 2 * (1 + 3 + 2), "record, three transfers, two balances"
    assert len(ledger.records()) == before + 1


def test_what_comes_in_may_go_out_again_in_whatever_order() -> None:
    """Bob has nothing: his account is judged by what the batch as a whole does to it."""
    ledger = SmallLedger()
    ledger.give_mandate(ledger.bob, ALICE)
    moves = [(ledger.bob, ledger.shop, 500), (ledger.alice, ledger.bob, 500)]
    assert ledger.batch(*moves).status == 201
    assert ledger.batch(*reversed(moves)).status == 201
    assert ledger.balance(ledger.bob) == {"posted": 0, "held": 0, "available": 0}
    assert ledger.balance(ledger.shop)["available"] == 1_000
    audit(ledger.store.inner.items)


# All or none.


def _moves(ledger: SmallLedger) -> list[tuple[str, str, int]]:
    """The third one cannot be done as it is; each case breaks it in its own way."""
    return [(ledger.alice, ledger.bob, 10), (ledger.alice, ledger.shop, 20), (ledger.alice, ledger.bob, 30)]


def _third(**changes: Any) -> Callable[[SmallLedger], Response]:
    def send(ledger: SmallLedger) -> Response:
        rows = [
            {"source": source, "destination": destination, "amount": amount, "currency": "USD"}
            for source, destination, amount in _moves(ledger)
        ]
        rows[2] |= {name: value(ledger) if callable(value) else value for name, value in changes.items()}
        return ledger.post(ALICE, "/v1/transfers/batch", {"transfers": rows})

    return send


IMPOSSIBLE = {
    "no such destination": (_third(destination=NOWHERE), 404, "account_not_found", "destination"),
    "no such source": (_third(source=NOWHERE), 404, "account_not_found", "source"),
    "somebody else's": (
        _third(source=lambda ledger: ledger.open(BOB, "wallet")), 404, "account_not_found", "source",
    ),
    "a source further down": (
        _third(source=lambda ledger: ledger.bob, destination=lambda ledger: ledger.alice),
        404, "account_not_found", "source",
    ),
    "to itself": (_third(destination=lambda ledger: ledger.alice), 422, "same_account", "destination"),
    "from a merchant": (_third(source=lambda ledger: ledger.shop), 422, "account_kind_not_allowed", "source"),
    "two currencies": (_third(currency="EUR"), 422, "currency_mismatch", "source"),
    "another currency": (
        _third(source=lambda ledger: ledger.open(ALICE, "wallet", "EUR"), destination=lambda ledger: ledger.open(BOB, "wallet", "EUR")),
        422, "currency_mismatch", "source",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_one_that_is_impossible_stops_all_and_is_named(case: str) -> None:
    ledger = SmallLedger()
    send, status, code, param = IMPOSSIBLE[case]
    posted = [ledger.balance(account) for account in (ledger.alice, ledger.bob, ledger.shop)]
    before = len(ledger.records())
    refused = send(ledger)
    assert (refused.status, refused.json["code"]) == (status, code)
    assert (refused.json["param"], refused.json["index"]) == (f"transfers.2.{param}", 2)
    assert refused.json["errors"] == [{"param": f"transfers.2.{param}", "detail": refused.json["detail"]}]
    assert [ledger.balance(account) for account in (ledger.alice, ledger.bob, ledger.shop)] == posted
    opened = [record for record in ledger.records()[before:] if record["op"] != "accounts.create"]
    assert not opened
    audit(ledger.store.inner.items)


def test_external_accounts_need_their_scope() -> None:
    ledger = SmallLedger()
    moves = [(ledger.alice, ledger.bob, 1), (ledger.alice, ledger.external, 1)]
    refused = ledger.batch(*moves)
    assert (refused.status, refused.json["index"], refused.json["param"]) == (403, 1, "transfers.1")
    fundings = [(ledger.external, wallet, 1) for wallet in (ledger.alice, ledger.bob)]
    assert ledger.batch(*fundings, client=without_external(OPERATOR)).status == 403
    assert ledger.batch(*fundings, client=OPERATOR).status == 201
    audit(ledger.store.inner.items)


def test_the_first_of_several_that_fail_is_named() -> None:
    """Bob's account is seen first, as a destination; what fails first is the closed one."""
    ledger = SmallLedger()
    closed = ledger.open(BOB, "wallet")
    ledger.change(closed, s="closed")
    refused = ledger.batch((ledger.alice, ledger.bob, 1), (ledger.alice, closed, 1), (ledger.bob, ledger.shop, 1))
    assert (refused.json["code"], refused.json["index"]) == ("account_closed", 1)


# Declines.


@pytest.mark.parametrize(
    ("amounts", "index"),
    [((10_001, 1, 1), 0), ((6_000, 3_000, 5_000), 2), ((6_000, 5_000, 1), 1), ((10_000, 1, 1), 1)],
)
def test_the_first_that_is_not_covered_is_named(amounts: tuple[int, ...], index: int) -> None:
    ledger = SmallLedger()
    declined = ledger.batch(*[(ledger.alice, ledger.bob, amount) for amount in amounts])
    assert (declined.status, declined.json["decline_code"]) == (402, "insufficient_funds")
    assert (declined.json["index"], declined.json["param"]) == (index, f"transfers.{index}.source")
    assert declined.json["errors"][0]["param"] == declined.json["param"]


def test_what_comes_in_counts_before_what_goes_out() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.bob, ALICE)
    declined = ledger.batch(
        (ledger.bob, ledger.shop, 300), (ledger.bob, ledger.shop, 201), (ledger.alice, ledger.bob, 500)
    )
    assert (declined.status, declined.json["index"]) == (402, 1)


def test_a_frozen_account_passes_nothing_on_though_more_comes_in() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.bob, ALICE)
    ledger.change(ledger.bob, s="frozen")
    declined = ledger.batch((ledger.alice, ledger.bob, 500), (ledger.bob, ledger.shop, 100))
    assert (declined.status, declined.json["decline_code"], declined.json["index"]) == (402, "account_frozen", 1)
    assert ledger.batch((ledger.alice, ledger.bob, 500), (ledger.alice, ledger.shop, 100)).status == 201


@pytest.mark.parametrize("amounts", [(500, 500), (500, 100)], ids=["as much", "less"])
def test_a_closed_account_passes_nothing_on(amounts: tuple[int, int]) -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.bob, ALICE)
    ledger.change(ledger.bob, s="closed")
    refused = ledger.batch((ledger.alice, ledger.bob, amounts[0]), (ledger.bob, ledger.shop, amounts[1]))
    assert (refused.status, refused.json["code"], refused.json["index"]) == (422, "account_closed", 0)


def test_somebody_elses_account_passes_nothing_on_though_nothing_is_missing_there() -> None:
    ledger = SmallLedger()
    refused = ledger.batch((ledger.alice, ledger.bob, 500), (ledger.bob, ledger.shop, 500))
    assert (refused.status, refused.json["param"]) == (404, "transfers.1.source")


def test_a_decline_is_remembered_and_makes_nothing_but_its_record() -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    moves = [(ledger.alice, ledger.bob, 1), (ledger.alice, ledger.shop, FUNDS_MINOR)]
    declined = ledger.batch(*moves, key="k")
    assert (declined.status, declined.json["index"]) == (402, 1)
    (made,) = ledger.snapshot().keys() - before.keys()
    assert made.table == "commits"
    ledger.fund(ledger.alice, FUNDS_MINOR)
    again = ledger.batch(*moves, key="k")
    assert (again.status, again.text, again.headers["Idempotent-Replayed"]) == (402, declined.text, "true")
    assert ledger.batch(*moves).status == 201


# Limits.


def _many(ledger: SmallLedger, count: int) -> list[tuple[str, str, int]]:
    """Each from a wallet of its own to a merchant of its own: nothing can be folded."""
    wallets = [ledger.open(ALICE, "wallet") for _ in range(count)]
    for wallet in wallets:
        ledger.fund(wallet, 10)
    return [(wallet, ledger.open(SHOP, "merchant"), 10) for wallet in wallets]


def test_thirty_three_fit_whatever_they_touch() -> None:
    ledger = SmallLedger()
    moves = _many(ledger, MOST_TRANSFERS)
    assert 1 + 3 * MOST_TRANSFERS <= MAX_WRITES < 1 + 3 * (MOST_TRANSFERS + 1)
    before = ledger.snapshot()
    ledger.store.reset_counters()
    answer = ledger.batch(*moves)
    assert (answer.status, len(answer.json["transfers"])) == (201, 33)
    changed = [item for key, item in ledger.snapshot().items() if before.get(key) != item]
    (record,) = [item for item in changed if "#commit#" in str(item["pk"])]
    assert len(changed) == 100
    assert len(record["l"]) == 66  # type: ignore[arg-type]
    record_units = -(-item_bytes(record) // 1_024)
    assert ledger.store.write_units == 2 * (record_units + 99)
    assert record_units <= 12
    audit(ledger.store.inner.items)


def test_the_longest_batch_fits_into_one_item() -> None:
    ledger = SmallLedger()
    row = {
        "source": ledger.alice,
        "destination": ledger.bob,
        "amount": 1,
        "currency": "USD",
        "description": "\N{EURO SIGN}" * 500,
        "metadata": {f"{number:02d}": "m" * 49 for number in range(10)},
    }
    answer = ledger.post(ALICE, "/v1/transfers/batch", {"transfers": [row] * MOST_TRANSFERS})
    assert answer.status == 201


@pytest.mark.parametrize("count", [0, 34])
def test_too_few_or_too_many(count: int) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    refused = ledger.batch(*[(ledger.alice, ledger.bob, 1)] * count)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (400, "invalid_request", "transfers")
    assert ledger.snapshot() == before


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": 0}, "transfers.2.amount"),
        ({"mode": "hold"}, "transfers.2.mode"),
        ({"scheduled_for": "2026-12-01"}, "transfers.2.scheduled_for"),
    ],
    ids=repr,
)
def test_a_bad_row_is_named(changes: dict[str, Any], param: str) -> None:
    refused = _third(**changes)(SmallLedger())
    assert (refused.status, refused.json["code"], refused.json["param"]) == (400, "invalid_request", param)


# What others learn of it.


def test_each_transfer_and_the_batch_have_their_event() -> None:
    world = Projected()
    ledger = world.ledger
    made = ledger.batch((ledger.alice, ledger.bob, 100), (ledger.alice, ledger.shop, 200)).json
    world.catch_up()
    ledger.clock.move(60)
    rows = ledger.get(OPERATOR, "/v1/events", limit="100").json["data"]
    names = {made["id"], *(one["id"] for one in made["transfers"])}
    found = {row["object_id"]: (row["type"], row["data"]) for row in rows if row["object_id"] in names}
    assert found == {
        made["id"]: ("transfer_batch.posted", made),
        **{one["id"]: ("transfer.posted", one) for one in made["transfers"]},
    }
    lines = ledger.get(ALICE, f"/v1/accounts/{ledger.alice}/entries").json["data"]
    assert (lines[0]["amount"], lines[0]["source"]) == (-300, made["id"])


def test_the_commit_says_all_there_is_to_know() -> None:
    """The ledger can be rebuilt from the commit records alone."""
    ledger = SmallLedger()
    ledger.batch((ledger.alice, ledger.bob, 100), (ledger.alice, ledger.shop, 200))
    (record,) = [record for record in ledger.records() if record["op"] == "transfers.batch"]
    for said in orjson.loads(read_record(record).answer.body)["transfers"]:
        assert said == ledger.get(OPERATOR, f"/v1/transfers/{said['id']}").json
