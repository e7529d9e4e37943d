"""The statement of an account over HTTP: every entry once, newest first, from whichever side one pages."""

from typing import Any

import pytest

from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, FUNDS_MINOR, OPERATOR, SHOP, foreign
from tests.doubles.statements import Projected


def _entries(world: Projected, account: str, client: Any = OPERATOR, **query: str) -> Any:
    answer = world.ledger.get(client, f"/v1/accounts/{account}/entries", **query)
    assert answer.status == 200, answer
    return answer.json


def _walk(world: Projected, account: str, limit: int) -> list[str]:
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = _entries(world, account, limit=str(limit), **query)
        found += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            return found
        query = {"starting_after": found[-1]}


def _walk_back(world: Projected, account: str, limit: int, start: str) -> list[str]:
    found: list[str] = []
    query = {"ending_before": start}
    while True:
        page = _entries(world, account, limit=str(limit), **query)
        found = [row["id"] for row in page["data"]] + found
        if not page["has_more"]:
            return found
        query = {"ending_before": found[0]}


def _busy(world: Projected) -> None:
    for number in range(25):
        world.ledger.clock.move(number % 3)
        world.ledger.pay(amount=number + 1)
    world.catch_up()


def test_an_entry_says_what_moved_and_what_stood_afterwards() -> None:
    world = Projected()
    payment = world.ledger.authorize(amount=300)
    world.ledger.step(payment, "capture", amount=100, final=True)
    world.catch_up()
    captured, held, funded = _entries(world, world.ledger.alice, ALICE)["data"]
    assert (funded["amount"], funded["balance"]["posted"], funded["sequence"]) == (FUNDS_MINOR, FUNDS_MINOR, 1)
    assert (held["amount"], held["held"], held["operation"], held["source"]) == (0, 300, "payments.create", payment)
    assert (captured["amount"], captured["held"]) == (-100, -300)
    left = FUNDS_MINOR - 100
    assert captured["balance"] == {"posted": left, "held": 0, "available": left}
    assert captured["currency"] == "USD"


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_every_entry_once_from_both_sides_over_all_slices(limit: int) -> None:
    world = Projected(5)
    _busy(world)
    for account in (world.ledger.alice, world.ledger.shop):
        every = _walk(world, account, limit)
        assert len(every) == len(set(every)) == 26 - (account == world.ledger.shop)
        assert _walk_back(world, account, limit, every[-1]) == every[:-1]
        rows = _entries(world, account, limit="100")["data"]
        assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    assert len({row["slice"] for row in _entries(world, world.ledger.shop, limit="100")["data"]}) > 1


def test_cursors_stay_while_new_entries_arrive() -> None:
    world = Projected(5)
    _busy(world)
    first = _entries(world, world.ledger.shop, limit="10")["data"]
    every = _walk(world, world.ledger.shop, 100)
    _busy(world)
    query = {"starting_after": first[-1]["id"]}
    rest = [row["id"] for row in _entries(world, world.ledger.shop, limit="100", **query)["data"]]
    assert [row["id"] for row in first] + rest == every


@pytest.mark.parametrize("client", [BOB, SHOP, ELSEWHERE], ids=["bob", "shop", "elsewhere"])
def test_somebody_elses_statement_is_as_missing_as_none(client: Any) -> None:
    world = Projected()
    path = f"/v1/accounts/{world.ledger.alice}/entries"
    missing = f"/v1/accounts/{foreign(world.ledger.alice)}/entries"
    answers = [world.ledger.get(client, path), world.ledger.get(client, missing)]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].json["code"] == answers[1].json["code"]


@pytest.mark.parametrize(
    "query",
    [
        {"starting_after": "0.99"},
        {"starting_after": "7.1"},
        {"starting_after": "0.0"},
        {"ending_before": "x"},
        {"starting_after": "99.1"},
        {"limit": "0"},
        {"status": "posted"},
    ],
    ids=str,
)
def test_a_bad_question(query: dict[str, str]) -> None:
    world = Projected()
    world.catch_up()
    assert world.ledger.get(ALICE, f"/v1/accounts/{world.ledger.alice}/entries", **query).status == 400
