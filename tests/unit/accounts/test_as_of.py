"""Balances of the past: by instant and by sequence, equal to what stood there then."""

from random import Random
from typing import Any

import pytest

from chalicelib.kernel.clock import to_rfc3339
from tests.doubles.small_ledger import ALICE, FUNDS_MINOR, OPERATOR
from tests.doubles.statements import Projected


def _ask(world: Projected, account: str, **query: str) -> Any:
    return world.ledger.get(OPERATOR, f"/v1/accounts/{account}", **query)


@pytest.mark.parametrize("seed", range(3))
def test_the_balance_of_every_instant(seed: int) -> None:
    world, chance = Projected(seed), Random(seed)
    seen: list[tuple[int, dict[str, dict[str, int]]]] = []
    accounts = [world.ledger.alice, world.ledger.shop, world.ledger.external]
    for _ in range(30):
        world.ledger.clock.move(chance.randint(1, 5))
        payment = world.ledger.authorize(amount=chance.randint(1, 200))
        if chance.random() < 0.6:
            world.ledger.step(payment, "capture", amount=1)
        seen.append((world.ledger.clock.now_at(), {one: world.ledger.balance(one) for one in accounts}))
    world.catch_up()
    for at, balances in seen:
        for account, balance in balances.items():
            answer = _ask(world, account, at=to_rfc3339(at)).json
            assert answer["balance"] == balance
            assert answer["as_of"] == {"at": to_rfc3339(at)}


def test_before_anything_happened() -> None:
    world = Projected()
    world.catch_up()
    nothing = {"posted": 0, "held": 0, "available": 0}
    assert _ask(world, world.ledger.alice, at="2020-01-01T00:00:00Z").json["balance"] == nothing
    assert _ask(world, world.ledger.alice, sequence="0").json["balance"] == nothing


def test_after_an_entry() -> None:
    world = Projected()
    world.ledger.pay(amount=1)
    world.ledger.pay(amount=2)
    world.catch_up()
    found = [_ask(world, world.ledger.alice, sequence=str(n)).json["balance"]["posted"] for n in (1, 2, 3)]
    assert found == [FUNDS_MINOR, FUNDS_MINOR - 1, FUNDS_MINOR - 3]
    assert _ask(world, world.ledger.alice, sequence="4").status == 404


def test_an_instant_that_the_statement_has_not_reached_is_not_answered_wrongly() -> None:
    world = Projected()
    world.catch_up()
    world.ledger.pay(amount=1)
    late = _ask(world, world.ledger.alice, at=to_rfc3339(world.ledger.clock.now_at()))
    assert (late.status, late.json["code"], late.headers["Retry-After"]) == (503, "statement_behind", "1")
    world.catch_up()
    again = _ask(world, world.ledger.alice, at=to_rfc3339(world.ledger.clock.now_at()))
    assert again.json["balance"]["posted"] == FUNDS_MINOR - 1


@pytest.mark.parametrize(
    "query",
    [
        {"at": "yesterday"},
        {"at": "2026-02-30T00:00:00Z"},
        {"at": "2026-01-01T00:00:00"},
        {"at": "9999-01-01T00:00:00Z"},
        {"at": "2026-01-01"},
        {"sequence": "-1"},
        {"sequence": "1.0"},
        {"sequence": "x"},
        {"at": "2026-01-01T00:00:00Z", "sequence": "1"},
        {"as_of": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_a_bad_question(query: dict[str, str]) -> None:
    world = Projected()
    assert world.ledger.get(ALICE, f"/v1/accounts/{world.ledger.alice}", **query).status == 400


def test_several_slices_have_no_single_sequence() -> None:
    world = Projected()
    answer = _ask(world, world.ledger.shop, sequence="1")
    assert (answer.status, answer.json["param"]) == (400, "sequence")
