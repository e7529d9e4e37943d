"""A small ledger whose streams are projected on demand."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from chalicelib.projections.entrypoint import project_batch
from chalicelib.web.call import Bench
from chalicelib.web.metrics import Metrics
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.small_ledger import SmallLedger
from tests.doubles.streamed_dynamo import Record, StreamedDynamo, interleaved, repeated
from tests.doubles.time_and_chance import SeededChance


@dataclass(slots=True)
class Projected:
    """`catch_up` brings every record that has not been brought yet, in one of the orders that are allowed."""

    seed: int = 0
    streamed: StreamedDynamo = field(default_factory=StreamedDynamo)
    ledger: SmallLedger = field(init=False)
    chance: Random = field(init=False)
    bench: Bench = field(init=False)
    readings: list[dict[str, Any]] = field(default_factory=list)
    _brought: int = 0

    def __post_init__(self) -> None:
        self.ledger = SmallLedger(self.seed, FaultyDynamo(self.streamed))
        self.chance = Random(self.seed)
        metrics = Metrics("test", lambda line: self.readings.append(orjson.loads(line)))
        self.bench = Bench(self.streamed, self.ledger.clock, SeededChance(self.seed + 1), metrics)

    def waiting(self) -> list[Record]:
        records = self.streamed.records[self._brought :]
        self._brought = len(self.streamed.records)
        return [record for record in records if _of_the_platform(record)]

    def catch_up(self) -> None:
        """Bring what waits: interleaved between items, and now and then twice."""
        for record in repeated(interleaved(self.waiting(), self.chance), self.chance):
            assert project_batch(self.bench, {"Records": [record]}) == {"batchItemFailures": []}


def _of_the_platform(record: Record) -> bool:
    """The projections' own writes are in the stream as well; nobody turns them into anything."""
    pk: str = record["dynamodb"]["Keys"]["pk"]["S"]
    return not any(f"#{kind}#" in pk for kind in ("line", "history", "event"))
