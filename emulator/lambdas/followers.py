"""All event sources of this machine, started after the functions and stopped before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.clock import Clock
from emulator.lambdas.checkpoints import Checkpoints
from emulator.lambdas.config import Invoker, Outcome
from emulator.lambdas.event_sources import QueueSource, ScheduleSource, Source, StreamSource
from emulator.lambdas.queues import QueueFollower
from emulator.lambdas.schedules import Schedule
from emulator.lambdas.streams import Invoke, ShardFollower, StreamFollower, request_id

Scheduled = Callable[[ScheduleSource, bytes], None]
"""Starts a function by a schedule and waits for nothing, as EventBridge does; what it raises is said."""


@dataclass(slots=True)
class Followers:
    """The sources, each in a task of its own; `state` is the folder that keeps how far each has come.

    Without `scheduled`, a schedule waits for its function.
    """

    sources: Sequence[Source]
    functions: Invoker
    state: Path
    clock: Clock
    region: str
    account: str
    scheduled: Scheduled | None = None
    _checkpoints: Checkpoints = field(init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Find out how far each source has come."""
        self._checkpoints = Checkpoints(self.state / "streams.json")

    def start(self) -> None:
        """Start to follow everything."""
        for number, source in enumerate(self.sources):
            self.add(str(number), source)

    def add(self, key: str, source: Source) -> None:
        """Follow one more; `key` is for `drop`."""
        self._tasks[key] = asyncio.get_running_loop().create_task(self._follow(source))

    async def drop(self, key: str) -> None:
        """Follow one less, if it is followed."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        """Stop following; a batch at work is left to its function, and comes again."""
        for key in list(self._tasks):
            await self.drop(key)

    def _follow(self, source: Source) -> Coroutine[Any, Any, None]:
        if isinstance(source, ScheduleSource):
            return Schedule(source, self._by_schedule(source), self.clock, self.region, self.account).follow()
        if isinstance(source, QueueSource):
            return self._queue(source).follow()
        return self._stream(source).follow()

    def _by_schedule(self, source: ScheduleSource) -> Invoke:
        start = self.scheduled
        if start is None:
            return self._invoke

        async def invoke(_function: str, payload: bytes) -> Outcome:
            start(source, payload)
            return Outcome(b"")

        return invoke

    def forget(self, mapping: str) -> None:
        """Forget how far a mapping has come."""
        self._checkpoints.forget(mapping)

    def _queue(self, source: QueueSource) -> QueueFollower:
        # boto3 takes its time to import: only a machine with a queue waits for it.
        from emulator.lambdas.queue_client import Boto3Queue  # noqa: PLC0415

        return QueueFollower(source, Boto3Queue(source.queue), self._invoke, self.clock)

    def _stream(self, source: StreamSource) -> StreamFollower:
        # boto3 takes its time to import: only a machine with a stream waits for it.
        from emulator.lambdas.stream_client import Boto3StreamReader  # noqa: PLC0415

        reader = Boto3StreamReader(source.table)

        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{source.function}"

        def make(shard: str) -> ShardFollower:
            return ShardFollower(source, shard, reader, self._invoke, self._checkpoints, self.clock, function_arn=arn)

        return StreamFollower(source, reader, make)

    async def _invoke(self, function: str, payload: bytes) -> Outcome:
        return await self.functions.invoke(function, payload, request_id=request_id())
