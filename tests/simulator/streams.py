"""The tables' streams and what reads them: in order for each item, shards apart, late, repeated and cut anywhere.

A shard's batches come one after the other. One that is not done comes again, in halves if its environment died of it;
and a reader that forgets how far it was brings again what it has brought already.
"""

from collections.abc import Mapping
from typing import Final
from zlib import crc32

from chalicelib.store.port import Item, Key
from tests.doubles.streamed_dynamo import Record, record_of
from tests.simulator.database import Applied
from tests.simulator.fleet import Fleet
from tests.simulator.world import World

SHARDS: Final = 3
"""Of each table; a partition key is always in the same one."""

BATCH: Final = 100
WINDOW_US: Final = 1_000_000
LONGEST_LAG_US: Final = 20_000_000
LONGEST_PAUSE_US: Final = 2_000_000

PROJECTED: Final[Mapping[str, str]] = {"commits": "", "ledger": "q"}
"""By table: the attribute without which a new image is not sent (infra/resources.yaml)."""


class Shard:
    """One shard of one table, from its first record on; `brought` is how many have been taken care of."""

    def __init__(self, world: World, fleet: Fleet, name: str) -> None:
        self._world = world
        self._fleet = fleet
        self._name = name
        self._records: list[tuple[Key, Item | None, Item | None]] = []
        self._brought = 0
        self._follows = False

    def append(self, key: Key, old: Item | None, new: Item | None) -> None:
        self._records.append((key, old, new))
        if not self._follows:
            self._follows = True
            self._world.scheduler.start(self._follow)

    def _follow(self) -> None:
        """Bring what there is, batch by batch, until there is no more."""
        chance = self._world.chance
        while self._brought < len(self._records):
            lag_us = LONGEST_LAG_US if self._world.meets("stream_lags") else WINDOW_US
            self._world.scheduler.pause(chance.randrange(lag_us))
            end = min(len(self._records), self._brought + chance.randint(1, BATCH))
            self._bring([self._record(number) for number in range(self._brought, end)])
            self._brought = end
            if self._world.meets("redelivered"):
                self._brought -= chance.randint(1, min(end, BATCH))
        self._follows = False

    def _bring(self, batch: list[Record]) -> None:
        while batch:
            done = self._attempt(batch)
            if done is None and len(batch) > 1:
                middle = len(batch) // 2
                self._bring(batch[:middle])
                batch = batch[middle:]
                continue
            batch = batch[done or 0 :]
            if batch:
                self._world.scheduler.pause(self._world.chance.randrange(LONGEST_PAUSE_US))

    def _attempt(self, batch: list[Record]) -> int | None:
        """Return how many records from the start are done, None if the environment died."""
        self._world.note(self._name, "brings", len(batch))
        answer = self._fleet.project(batch)
        if answer is None:
            return None
        failed = {row["itemIdentifier"] for row in answer["batchItemFailures"]}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        return next((place for place, number in enumerate(numbers) if number in failed), len(batch))

    def _record(self, number: int) -> Record:
        return record_of(*self._records[number], number)


class Streams:
    """Every change of an item goes to its shard, in the order in which it took effect."""

    def __init__(self, world: World, fleet: Fleet) -> None:
        self._shards = {
            (table, number): Shard(world, fleet, f"{table}/{number}") for table in PROJECTED for number in range(SHARDS)
        }

    def append(self, applied: Applied) -> None:
        for key, new in applied.after.items():
            old = applied.before[key]
            if old != new and _is_sent(key, new):
                self._shards[key.table, crc32(key.pk.encode()) % SHARDS].append(key, old, new)


def _is_sent(key: Key, new: Item | None) -> bool:
    needed = PROJECTED.get(key.table)
    return needed is not None and (not needed or (new is not None and needed in new))
