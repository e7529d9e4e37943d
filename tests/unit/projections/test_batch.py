"""Batches: written together where nothing of them is there, and to the same end however they are cut and repeated."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from chalicelib.projections.entrypoint import project_batch
from chalicelib.store.port import Item
from tests.doubles.faulty_dynamo import Fault, FaultyDynamo
from tests.doubles.small_ledger import TENANT
from tests.doubles.statements import Projected
from tests.doubles.streamed_dynamo import Record, interleaved, repeated
from tests.unit.projections.test_lines import check

DONE: dict[str, list[object]] = {"batchItemFailures": []}


def _check(world: Projected) -> None:
    ledger = world.ledger
    check(world, [ledger.external, ledger.alice, ledger.bob, ledger.shop])
    said = Counter((str(row["k"]), str(row["o"])) for record in ledger.records() for row in record["ev"])  # type: ignore[union-attr,index,call-overload]
    assert Counter((str(item["k"]), str(item["o"])) for item in _events(world)) == said
    steps = [item["e"] for key, item in world.streamed.items.items() if "#history#" in key.pk]
    assert Counter(steps) == Counter(item["sk"] for item in _events(world)), "each step names its event"


def _events(world: Projected) -> list[Item]:
    return [item for key, item in world.streamed.items.items() if f"{TENANT}#event#" in key.pk]


def _cut(records: list[Record], chance: Random) -> list[list[Record]]:
    batches = []
    while records:
        size = chance.randint(1, 60)
        batches.append(records[:size])
        records = records[size:]
    return batches


def test_a_batch_is_two_calls() -> None:
    world = Projected()
    for amount in range(1, 9):
        world.ledger.pay(amount=amount)
    faulty = FaultyDynamo(world.streamed)
    assert project_batch(replace(world.bench, dynamo=faulty), {"Records": world.waiting()}) == DONE
    assert faulty.round_trips == {"get_many": 1, "transact": 1}
    _check(world)


def test_a_batch_that_came_before_changes_nothing() -> None:
    world = Projected()
    world.ledger.pay()
    records = world.waiting()
    assert project_batch(world.bench, {"Records": records}) == DONE
    before = world.ledger.snapshot()
    assert project_batch(world.bench, {"Records": records + records}) == DONE
    assert world.ledger.snapshot() == before


def test_more_than_one_write_can_carry() -> None:
    world = Projected()
    for _ in range(60):
        world.ledger.pay(amount=1)
    faulty = FaultyDynamo(world.streamed)
    assert project_batch(replace(world.bench, dynamo=faulty), {"Records": world.waiting()}) == DONE
    assert 2 < faulty.round_trips["transact"] < 6
    _check(world)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_fails_and_comes_again_the_end_is_the_same(seed: int) -> None:
    world, chance = Projected(seed), Random(seed)
    for _ in range(30):
        payment = world.ledger.authorize(amount=100)
        world.ledger.step(payment, "capture", amount=chance.randint(1, 100), final=chance.random() < 0.5)
    records = repeated(interleaved(world.waiting(), chance), chance)
    for batch in _cut(records, chance):
        left = batch
        while left:
            faulty = FaultyDynamo(world.streamed, seed=chance.randrange(1 << 30), rate=0.3, kinds=list(Fault))
            failed = project_batch(replace(world.bench, dynamo=faulty), {"Records": left})["batchItemFailures"]
            numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
            left = left[numbers.index(failed[0]["itemIdentifier"]) :] if failed else []
    _check(world)
