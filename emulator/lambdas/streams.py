r"""A function behind a table's stream: shard by shard, batch by batch, each settled before the next is read.

    read --batch--> invoke --done--> checkpoint --> read
                      |  \--some failed--> checkpoint what was done, invoke the rest
                      \--all failed--> halves (bisect), again (attempts, age), or discarded: its destination is told

A record is delivered at least once and in the order of its shard; the checkpoint is written after the batch is settled,
so a crash repeats a batch and loses none. Source: AWS Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB".
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from emulator.clock import Clock
from emulator.lambdas.checkpoints import Checkpoints
from emulator.lambdas.config import Outcome
from emulator.lambdas.destinations import Deliver, deliver, instant
from emulator.lambdas.event_sources import FOR_EVER, StreamSource

IDLE_SECONDS = 0.1
"""How long an empty shard is left alone."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

Record = Mapping[str, Any]
Invoke = Callable[[str, bytes], Awaitable[Outcome]]


class StreamReader(Protocol):
    """Reads one table's stream; every method may raise `Unavailable`.

    `stream` names this very stream: a table that is made anew has another one, whose numbers start again.
    """

    stream: str

    async def shards(self) -> Sequence[str]:
        """Name the shards there are now, oldest first."""
        ...

    async def read(self, shard: str, after: str | None, limit: int, start: str) -> Sequence[Record]:
        """Return up to `limit` records after a sequence number, or from the start (TRIM_HORIZON, LATEST)."""
        ...


class Unavailable(Exception):
    """The stream cannot be read now; it is tried again."""


@dataclass(slots=True)
class ShardFollower:
    """One shard of one source. `wait` lets seconds pass; it is an argument so that tests need none."""

    source: StreamSource
    shard: str
    reader: StreamReader
    invoke: Invoke
    checkpoints: Checkpoints
    clock: Clock
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    deliver: Deliver = deliver
    function_arn: str = ""
    _name: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the checkpoint by mapping or function, stream and shard."""
        self._name = f"{self.source.mapping or self.source.function}|{self.reader.stream}|{self.shard}"

    async def follow(self) -> None:
        """Follow the shard until cancelled; whatever goes wrong is said, and the batch comes again."""
        while True:
            try:
                idle_seconds = 0.0 if await self.step() else IDLE_SECONDS
            except Exception as trouble:  # noqa: BLE001 - a shard that nobody reads any more would go unnoticed
                _say(f"{self._name}: {trouble!r}")
                idle_seconds = LONGEST_PAUSE_SECONDS
            if idle_seconds:
                await self.wait(idle_seconds)

    async def step(self) -> bool:
        """Read and settle one batch; tell whether there was one."""
        try:
            batch = await self._gather()
        except Unavailable as trouble:
            _say(f"{self._name}: {trouble}")
            return False
        if not batch:
            return False
        await self._settle([record for record in batch if self.source.takes(record)])
        self.checkpoints.put(self._name, _number(batch[-1]))
        return True

    async def _gather(self) -> Sequence[Record]:
        """Read a batch; one that is not full is given the window to fill up."""
        source = self.source
        batch = await self._read(self.checkpoints.get(self._name), source.batch_size)
        if not source.maximum_batching_window_seconds or not 0 < len(batch) < source.batch_size:
            return batch
        await self.wait(source.maximum_batching_window_seconds)
        return [*batch, *await self._read(_number(batch[-1]), source.batch_size - len(batch))]

    async def _read(self, after: str | None, limit: int) -> Sequence[Record]:
        return await self.reader.read(self.shard, after, limit, self.source.starting_position)

    async def _settle(self, batch: Sequence[Record]) -> None:
        """Bring a batch to its end: done, or discarded when its time or its attempts are over."""
        attempts, pause_seconds = 0, FIRST_PAUSE_SECONDS
        while batch:
            done = await self._attempt(batch)
            if done:
                self.checkpoints.put(self._name, _number(batch[done - 1]))
                batch, attempts, pause_seconds = batch[done:], 0, FIRST_PAUSE_SECONDS
                continue
            if done is not None and self.source.bisect_batch_on_function_error and len(batch) > 1:
                middle = len(batch) // 2  # a split is no attempt
                await self._settle(batch[:middle])
                await self._settle(batch[middle:])
                return
            attempts += done is not None
            over = self._over(batch, attempts)
            if over:
                await self._discard(batch[:over], attempts)
                batch, attempts = batch[over:], 0
                continue
            await self.wait(pause_seconds)
            pause_seconds = min(LONGEST_PAUSE_SECONDS, pause_seconds * 2)

    async def _attempt(self, batch: Sequence[Record]) -> int | None:
        """Invoke the function; return how many records from the start are done, None if it was not run at all."""
        try:
            outcome = await self.invoke(self.source.function, orjson.dumps({"Records": list(batch)}))
        except Exception as trouble:  # noqa: BLE001 - whatever kept the function from running is no reason to lose records
            _say(f"{self._name}: {type(trouble).__name__}")
            return None
        if outcome.error is not None:
            return 0
        return self._done(batch, outcome.payload) if self.source.report_batch_item_failures else len(batch)

    @staticmethod
    def _done(batch: Sequence[Record], payload: bytes) -> int:
        """Read a partial batch response: what is before the first failure is done, and nothing for a strange one."""
        try:
            answer = orjson.loads(payload) or {}
            numbers = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
        except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
            return 0
        places = [place for place, record in enumerate(batch) if _number(record) in numbers]
        if not numbers:
            return len(batch)
        return min(places) if len(places) == len(numbers) else 0

    def _over(self, batch: Sequence[Record], attempts: int) -> int:
        """Return how many records from the start are given up: the too old, or all after the last attempt."""
        if self.source.maximum_retry_attempts != FOR_EVER and attempts > self.source.maximum_retry_attempts:
            return len(batch)
        if self.source.maximum_record_age_seconds == FOR_EVER:
            return 0
        oldest_at = self.clock.wall() / 1_000 - self.source.maximum_record_age_seconds
        fresh = (n for n, row in enumerate(batch) if row["dynamodb"]["ApproximateCreationDateTime"] >= oldest_at)
        return next(fresh, len(batch))

    async def _discard(self, batch: Sequence[Record], attempts: int) -> None:
        """Put on record which records were given up, as the on-failure destination is told; then go on."""
        given_up = orjson.dumps(self._given_up(batch, attempts)).decode()
        _say(f"discarded {given_up}")
        if self.source.on_failure:
            await self.deliver(self.source.on_failure, given_up)
        self.checkpoints.put(self._name, _number(batch[-1]))

    def _given_up(self, batch: Sequence[Record], attempts: int) -> dict[str, Any]:
        """Return what a destination is told: where the records are, not what is in them."""
        limit = self.source.maximum_retry_attempts
        exhausted = limit != FOR_EVER and attempts > limit
        context = {
            "requestId": request_id(),
            "functionArn": self.function_arn or self.source.function,
            "condition": "RetryAttemptsExhausted" if exhausted else "MaximumRecordAgeExceeded",
            "approximateInvokeCount": attempts,
        }
        return {
            "requestContext": context,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": instant(self.clock.wall()),
            "DDBStreamBatchInfo": {
                "shardId": self.shard,
                "startSequenceNumber": _number(batch[0]),
                "endSequenceNumber": _number(batch[-1]),
                "approximateArrivalOfFirstRecord": instant(_created(batch[0])),
                "approximateArrivalOfLastRecord": instant(_created(batch[-1])),
                "batchSize": len(batch),
                "streamArn": self.reader.stream,
            },
        }


@dataclass(slots=True)
class StreamFollower:
    """All shards of one source; a new shard is followed from when it is seen."""

    source: StreamSource
    reader: StreamReader
    make: Callable[[str], ShardFollower]
    _following: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def follow(self) -> None:
        """Follow until cancelled; shards are looked for every five seconds."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(LONGEST_PAUSE_SECONDS if self._following else IDLE_SECONDS)
        finally:
            for task in self._following.values():
                task.cancel()
            await asyncio.gather(*self._following.values(), return_exceptions=True)

    async def _look(self) -> None:
        try:
            shards = await self.reader.shards()
        except Unavailable:
            return
        for shard in shards:
            if shard not in self._following:
                self._following[shard] = asyncio.get_running_loop().create_task(self.make(shard).follow())


def request_id(randomness: Callable[[int], bytes] = os.urandom) -> str:
    """Return an id for an invocation that no request caused, in the form of Lambda's."""
    drawn = randomness(16).hex()
    return "-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:]))


def _number(record: Record) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _created(record: Record) -> float:
    """Return when it came, in milliseconds."""
    return float(record["dynamodb"]["ApproximateCreationDateTime"]) * 1_000


def _say(text: str) -> None:
    sys.stderr.write(f"event sources: {text}\n")
