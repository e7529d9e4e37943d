"""Events of a tenant: a reader that pages forwards meets each once, however late they are written."""

from random import Random
from typing import Any

import pytest

from chalicelib.projections.entrypoint import project_batch
from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR
from tests.doubles.statements import Projected

PATH = "/v1/events"


def _page(world: Projected, **query: str) -> Any:
    answer = world.ledger.get(OPERATOR, PATH, **query)
    assert answer.status == 200, answer
    return answer.json


def test_nothing_younger_than_ten_seconds() -> None:
    world = Projected()
    world.catch_up()
    assert _page(world)["data"] == []
    world.ledger.clock.move(9.999)
    assert _page(world)["data"] == []
    world.ledger.clock.move(0.002)
    assert len(_page(world, limit="100")["data"]) == len(world.ledger.records())


def test_a_page_goes_on_where_the_last_one_ended_though_another_clock_is_behind() -> None:
    world = Projected()
    world.catch_up()
    world.ledger.clock.move(10.001)
    everything = [row["id"] for row in _page(world, limit="100")["data"]]
    world.ledger.clock.move(-3)
    page = _page(world, limit="100", starting_after=everything[0])
    assert [row["id"] for row in page["data"]] == everything[1:]


def test_a_young_id_from_a_history_is_no_cursor() -> None:
    """A page before it would show what is younger than ten seconds, and leave out what is still being written."""
    world = Projected()
    payment = world.ledger.authorize()
    world.catch_up()
    (step,) = world.ledger.get(ALICE, f"/v1/payments/{payment}/history").json["data"]
    for seconds, status in ((0, 400), (3.999, 400), (0.002, 200)):
        world.ledger.clock.move(seconds)
        answer = world.ledger.get(OPERATOR, PATH, starting_after=step["id"])
        assert answer.status == status, answer
        assert status == 200 or (answer.json["code"], answer.json["param"]) == ("invalid_cursor", "starting_after")


def test_an_event_shows_the_object_as_it_was_left() -> None:
    world = Projected()
    payment = world.ledger.authorize()
    world.catch_up()
    world.ledger.step(payment, "capture")
    world.ledger.clock.move(11)
    (made,) = [row for row in _page(world, limit="100")["data"] if row["object_id"] == payment]
    assert (made["type"], made["object_version"], made["data"]["status"]) == ("payment.authorized", 1, "authorized")


@pytest.mark.parametrize("seed", range(4))
def test_paging_forwards_loses_nothing(seed: int) -> None:
    """Records are written late, out of order and by functions whose clocks differ by up to nine seconds."""
    world, chance = Projected(seed), Random(seed)
    late: list[Any] = []
    met: list[str] = []
    cursor: dict[str, str] = {}

    def read() -> None:
        nonlocal cursor
        while True:
            page = _page(world, limit=str(chance.randint(1, 4)), **cursor)
            ids = [row["id"] for row in reversed(page["data"])]
            met.extend(ids)
            cursor = {"ending_before": ids[-1]} if ids else cursor
            if not page["has_more"] or not cursor:
                return

    world.catch_up()
    world.ledger.clock.move(30)
    first = _page(world, limit="100")["data"]
    met += [row["id"] for row in reversed(first)]
    cursor = {"ending_before": met[-1]}
    for _ in range(40):
        world.ledger.pay(amount=1)
        late += world.waiting()
        chance.shuffle(late)
        while late and chance.random() < 0.7:
            skew = chance.randint(-9_000, 0)
            world.ledger.clock.at += skew
            project_batch(world.bench, {"Records": [late.pop()]})
            world.ledger.clock.at -= skew
        world.ledger.clock.move(chance.randint(0, 4))
        read()
    project_batch(world.bench, {"Records": late})
    world.ledger.clock.move(30)
    read()
    assert len(met) == len(set(met)) == len(world.ledger.records())
    assert met == sorted(met)


def test_operators_only_and_only_their_own_tenants() -> None:
    world = Projected()
    world.catch_up()
    world.ledger.clock.move(11)
    assert world.ledger.get(ALICE, PATH).status == 403
    assert world.ledger.get(ELSEWHERE, PATH).json["data"] == []
    cursor = _page(world)["data"][0]["id"]
    assert world.ledger.get(ELSEWHERE, PATH, starting_after=cursor).json["code"] == "invalid_cursor"
