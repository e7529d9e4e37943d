"""Functions behind the streams of real engines: every record, in order, also over a restart.

Source: AWS Lambda developer guide: with-ddb.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator.clock import Clock
from emulator.lambdas import FunctionConfig, Functions
from emulator.lambdas.event_sources import ScheduleSource, Source, StreamSource
from emulator.lambdas.followers import Followers
from infra.local import engines
from infra.local.place import aws_environment

HANDLER = """
import json, os

def handle(event, context):
    with open(os.environ["SEEN"], "a") as file:
        for record in event.get("Records", [event]):
            file.write(json.dumps(record) + "\\n")
"""
PATIENCE_SECONDS = 60

Record = dict[str, Any]


@pytest.fixture(params=["dynoxide", "moto"])
def table(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table with a stream on an engine of its own."""
    try:
        choice = engines.choose(request.param, engines.ROOT / ".local" / "engine")
    except engines.NoEngine as reason:
        pytest.skip(str(reason))
    engine = engines.start(choice, data=tmp_path / "data")
    try:
        for name, value in aws_environment(engine.url, engine.url).items():
            monkeypatch.setenv(name, value)
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield boto3.resource("dynamodb").Table("ledger")
    finally:
        engine.stop()


def _seen(file: Path) -> list[Record]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _follow(tmp_path: Path, sources: list[Source], enough: Callable[[list[Record]], bool]) -> list[Record]:
    """Run the function behind its sources until it has seen enough; return all it has ever seen."""
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "entry.py").write_text(HANDLER)
    seen = tmp_path / "seen"
    config = FunctionConfig("f", "entry.handle", str(tmp_path / "code"), 128, 20.0, {"SEEN": str(seen)})

    async def play() -> None:
        functions = Functions([config], watch=False, warm=False)
        followers = Followers(sources, functions, tmp_path, Clock(), "us-east-1", "123456789012")
        await functions.start()
        try:
            followers.start()
            while not enough(_seen(seen)):
                await asyncio.sleep(0.02)
        finally:
            await followers.stop()
            await functions.stop()

    asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))
    return _seen(seen)


def test_every_change_in_order_and_on_after_a_restart(table: Any, tmp_path: Path) -> None:
    source = StreamSource("f", "ledger", batch_size=7)
    for number in range(30):
        table.put_item(Item={"pk": "one", "n": number, "b": b"\x00\xff"})
    seen = _follow(tmp_path, [source], lambda seen: len(seen) == 30)
    assert [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in seen] == list(range(30))
    assert [record["eventName"] for record in seen] == ["INSERT"] + ["MODIFY"] * 29
    assert seen[0]["dynamodb"]["NewImage"]["b"] == {"B": "AP8="}
    assert seen[1]["dynamodb"]["OldImage"]["n"] == {"N": "0"}
    assert {record["eventSource"] for record in seen} == {"aws:dynamodb"}
    table.delete_item(Key={"pk": "one"})
    *again, last = _follow(tmp_path, [source], lambda seen: seen[-1]["eventName"] == "REMOVE")[30:]
    assert last["eventName"] == "REMOVE"
    # The stop may have come between the last batch and its checkpoint: then that batch comes again, and nothing else.
    assert again in ([], seen[28:]), "30 records in sevens: the last batch has two"


def test_a_schedule_starts_its_function(tmp_path: Path) -> None:
    (seen, *_) = _follow(tmp_path, [ScheduleSource("f", 1)], lambda seen: len(seen) > 0)
    assert seen["detail-type"] == "Scheduled Event"
