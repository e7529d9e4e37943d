"""Batches: written together where nothing of them is there, and to the same end however they are cut and repeated."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

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


def _commit_record(world: Projected) -> Record:
    world.ledger.pay()
    return next(row for row in world.waiting() if "#commit#" in row["dynamodb"]["Keys"]["pk"]["S"])


def _changed(record: Record, name: str, old: Any) -> Record:
    """The same record as the stream tells a change of it; a removed one has no new image."""
    images = {"OldImage": old} | ({"NewImage": record["dynamodb"]["NewImage"]} if name == "MODIFY" else {})
    keys = {part: record["dynamodb"][part] for part in ("Keys", "SequenceNumber")}
    return {"eventName": name, "dynamodb": keys | images}


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_a_commit_record_that_changes_is_an_alarm(name: str, caplog: pytest.LogCaptureFixture) -> None:
    world = Projected()
    record = _commit_record(world)
    before, image = world.ledger.snapshot(), record["dynamodb"]["NewImage"]
    changed = _changed(record, name, {**image, "op": {"S": "payments.tampered"}})
    assert project_batch(world.bench, {"Records": [changed]}) == {"batchItemFailures": []}
    assert world.ledger.snapshot() == before, "it is not projected as if it were new"
    (reading,) = world.readings
    assert (reading["CommitsChanged"], reading["stage"]) == (1, "test")
    assert reading["_aws"]["Timestamp"] == world.ledger.clock.now_at()
    (line,) = [line for line in caplog.records if line.message == "a commit record was changed"]
    said = {name: value for name, value in vars(line).items() if name in {"item", "change"}}
    key = record["dynamodb"]["Keys"]
    assert (line.levelname, said) == ("CRITICAL", {"item": f"{key['pk']['S']} {key['sk']['S']}", "change": name})


def test_commits_that_change_are_counted_and_the_new_one_beside_them_is_projected() -> None:
    world = Projected()
    world.catch_up()
    record, new = _commit_record(world), _commit_record(world)
    gone = _changed(record, "REMOVE", record["dynamodb"]["NewImage"])
    without_images = {**record, "eventName": "MODIFY", "dynamodb": {**record["dynamodb"], "NewImage": None}}
    project_batch(world.bench, {"Records": [gone, new, without_images]})
    assert [reading["CommitsChanged"] for reading in world.readings] == [2]
    commits = {str(item["lc"]) for key, item in world.streamed.items.items() if "#history#" in key.pk}
    assert new["dynamodb"]["Keys"]["sk"]["S"] in commits
    assert record["dynamodb"]["Keys"]["sk"]["S"] not in commits


def test_a_put_of_what_is_there_is_no_change(caplog: pytest.LogCaptureFixture) -> None:
    """dynoxide tells it as a MODIFY with equal images."""
    world = Projected()
    record = _commit_record(world)
    same = _changed(record, "MODIFY", record["dynamodb"]["NewImage"])
    assert project_batch(world.bench, {"Records": [same]}) == {"batchItemFailures": []}
    assert world.readings == []
    assert "a commit record was changed" not in caplog.text
