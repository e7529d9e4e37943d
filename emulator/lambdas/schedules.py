"""Functions that are started by the clock, with EventBridge's scheduled event.

Source of the shape: Amazon EventBridge user guide, "Scheduled events".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from emulator.clock import Clock
from emulator.lambdas.event_sources import ScheduleSource
from emulator.lambdas.streams import Invoke, request_id


@dataclass(slots=True)
class Schedule:
    """One function and its rate. A run that takes longer than the rate delays the next; two never run at once."""

    source: ScheduleSource
    invoke: Invoke
    clock: Clock
    region: str
    account: str
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def follow(self) -> None:
        """Start the function once per period until cancelled; the first time one period from now."""
        while True:
            await self.wait(self.source.seconds)
            await self.run()

    async def run(self) -> None:
        """Start the function once; a failure is said and not repeated: the next run comes anyway."""
        try:
            outcome = await self.invoke(self.source.function, self.event())
        except Exception as trouble:  # noqa: BLE001 - the schedule goes on whatever happens to one run
            sys.stderr.write(f"event sources: {self.source.function}: {type(trouble).__name__}\n")
            return
        if outcome.error is not None:
            sys.stderr.write(f"event sources: {self.source.function} failed: {outcome.payload[:500]!r}\n")

    def event(self) -> bytes:
        """Return the event of a run now."""
        if self.source.text:
            return self.source.text.encode()
        moment = datetime.fromtimestamp(self.clock.wall() // 1_000, tz=UTC)
        rule = self.source.rule or f"arn:aws:events:{self.region}:{self.account}:rule/{self.source.function}"
        return orjson.dumps(
            {
                "version": "0",
                "id": request_id(),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": self.account,
                "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "region": self.region,
                "resources": [rule],
                "detail": {},
            }
        )
