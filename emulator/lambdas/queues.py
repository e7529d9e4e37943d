r"""A function behind a queue: a batch is received, the function called, and what it has done is deleted.

    receive --batch--> invoke --done--> delete all
                         |  \--some failed--> delete the others
                         \--failed--> delete nothing: after the visibility timeout they come again, or go to the
                                      queue's own dead-letter queue

Sources: AWS Lambda developer guide, "Using Lambda with Amazon SQS", "Handling errors for an SQS event source" and
"Configuring scaling behavior for SQS event source mappings".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from emulator.clock import Clock
from emulator.lambdas.config import Outcome
from emulator.lambdas.event_sources import QueueSource
from emulator.lambdas.streams import Invoke, Unavailable

POLLERS = 5
"""Batches that are at work at once where no maximum is set: what Lambda begins with."""

RECEIVED_AT_ONCE = 10
"""Messages that SQS gives to one request."""

POLL_SECONDS = 1.0
"""How long an empty queue lets a request wait; AWS waits 20 s, the end of the emulator does not."""

PAUSE_SECONDS = 1.0
"""After a failure, of the queue or of the function."""

PAYLOAD_BYTES = 6_291_456

Message = Mapping[str, Any]


class Queue(Protocol):
    """One queue; every method may raise `Unavailable`."""

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Message]:
        """Return up to `limit` messages as events have them; they are invisible to others for a time."""
        ...

    async def delete(self, messages: Sequence[Message]) -> None:
        """Delete what is done."""
        ...


@dataclass(slots=True)
class QueueFollower:
    """One source. `wait` lets seconds pass; it is an argument so that tests need none."""

    source: QueueSource
    queue: Queue
    invoke: Invoke
    clock: Clock
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    _kept: list[Message] = field(default_factory=list)

    async def follow(self) -> None:
        """Follow the queue until cancelled, with several batches at once."""
        pollers = min(self.source.maximum_concurrency or POLLERS, POLLERS)
        tasks = [asyncio.create_task(self._poll()) for _ in range(pollers)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            try:
                went_well = await self.step()
            except Exception as trouble:  # noqa: BLE001 - a queue that nobody reads any more would go unnoticed
                _say(f"{self.source.queue}: {trouble}")
                went_well = False
            if not went_well:
                await self.wait(PAUSE_SECONDS)

    async def step(self) -> bool:
        """Receive and settle one batch; False if something went wrong with it."""
        batch = await self._gather()
        taken = [message for message in batch if self.source.takes(message)]
        if len(taken) < len(batch):  # what no filter lets through is gone
            await self.queue.delete([message for message in batch if message not in taken])
        if not taken:
            return True
        failed = await self._attempt(taken)
        done = [message for message in taken if message["messageId"] not in failed]
        if done:
            await self.queue.delete(done)
        return len(done) == len(taken)

    async def _gather(self) -> list[Message]:
        """Receive until the batch is full, its window over, or the event as large as one may be."""
        source = self.source
        batch = list(await self.queue.receive(min(source.batch_size, RECEIVED_AT_ONCE), POLL_SECONDS))
        end_ms = self.clock.steady() + source.maximum_batching_window_seconds * 1_000
        while batch and len(batch) < source.batch_size and _bytes(batch) < PAYLOAD_BYTES * 3 // 4:
            left_seconds = (end_ms - self.clock.steady()) / 1_000
            if left_seconds <= 0:
                break
            limit = min(source.batch_size - len(batch), RECEIVED_AT_ONCE)
            try:
                batch += await self.queue.receive(limit, min(left_seconds, POLL_SECONDS))
            except Unavailable:  # what has been received goes on without the rest
                break
        return batch

    async def _attempt(self, batch: Sequence[Message]) -> set[str]:
        """Invoke the function; return the ids of the messages that are not done."""
        everything = {str(message["messageId"]) for message in batch}
        try:
            outcome = await self.invoke(self.source.function, orjson.dumps({"Records": list(batch)}))
        except Exception as trouble:  # noqa: BLE001 - whatever kept the function from running is no reason to lose messages
            _say(f"{self.source.function}: {type(trouble).__name__}")
            return everything
        if outcome.error is not None:
            return everything
        return _failed(outcome, everything) if self.source.report_batch_item_failures else set()


def _failed(outcome: Outcome, everything: set[str]) -> set[str]:
    """Read a partial batch response; one that cannot be understood counts as if everything had failed."""
    try:
        answer = orjson.loads(outcome.payload) or {}
        failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
        return everything
    return failed if failed.issubset(everything) else everything


def _bytes(batch: Sequence[Message]) -> int:
    return sum(len(message["body"]) for message in batch)


def _say(text: str) -> None:
    sys.stderr.write(f"event sources: {text}\n")
