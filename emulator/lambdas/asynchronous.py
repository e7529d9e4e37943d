r"""Asynchronous invocation: the caller is told at once, and the event is tried until it is done or given up.

accepted --> tried --done--> record to on_success
|  \--error--> again (twice, each time later) --> record to on_failure
\--throttled--> again until it is too old --> record to on_failure

Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation" and "Capturing
records of Lambda asynchronous invocations". Lambda waits one minute and then two: a developer is not made to.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.clock import Clock
from emulator.lambdas.config import LATEST, FunctionConfig, Outcome
from emulator.lambdas.destinations import Bury, Deliver, bury, deliver, instant, is_destination
from emulator.lambdas.functions import Functions
from emulator.lambdas.pool import TooManyRequests, UnknownFunction

PAUSES_SECONDS = (1.0, 2.0)
THROTTLED_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class _Event:
    """One event: when it came, and how often it was tried."""

    config: FunctionConfig
    payload: bytes
    request_id: str
    accepted_ms: int
    tries: int = 0


@dataclass(slots=True)
class Asynchronous:
    """The events that were accepted; `wait` lets seconds pass and is an argument so that tests need none."""

    functions: Functions
    clock: Clock
    wait: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    deliver: Deliver = deliver
    bury: Bury = bury
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, config: FunctionConfig, payload: bytes, request_id: str) -> None:
        """Take an event; what becomes of it is known to its destination, and on the error stream."""
        event = _Event(config, payload, request_id, self.clock.wall())
        task = asyncio.get_running_loop().create_task(self._bring_while_there(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Give up what is on its way: it was accepted by a machine that ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _bring_while_there(self, event: _Event) -> None:
        try:
            await self._bring(event)
        except UnknownFunction:  # deleted meanwhile, and its destinations with it
            _give_up(event, "there is no such function any more")

    async def _bring(self, event: _Event) -> None:
        while True:
            outcome = await self._try(event)
            if outcome is not None and outcome.error is None:
                return await self._tell(event, outcome, "Success", event.config.on_success)
            if outcome is not None and event.tries > event.config.maximum_retry_attempts:
                return await self._tell(event, outcome, "RetriesExhausted", event.config.on_failure)
            pause_seconds = THROTTLED_PAUSE_SECONDS if outcome is None else PAUSES_SECONDS[min(event.tries, 2) - 1]
            if self._age_seconds(event) + pause_seconds > event.config.maximum_event_age_seconds:
                return await self._tell(event, outcome, "EventAgeExceeded", event.config.on_failure)
            await self.wait(pause_seconds)

    async def _try(self, event: _Event) -> Outcome | None:
        """Run it once; None where Lambda had no room for it, which is no attempt."""
        try:
            outcome = await self.functions.invoke(event.config.key, event.payload, request_id=event.request_id)
        except TooManyRequests:
            return None
        event.tries += 1
        return outcome

    def _age_seconds(self, event: _Event) -> float:
        return (self.clock.wall() - event.accepted_ms) / 1_000

    async def _tell(self, event: _Event, outcome: Outcome | None, condition: str, destination: str | None) -> None:
        """Send the record to the destination, which is an ARN or a function; without one, errors are printed."""
        config = event.config
        if condition != "Success" and config.dead_letters:
            await self.bury(config.dead_letters, event.payload.decode(), _last_words(event, outcome))
        if destination is None:
            if condition != "Success":
                _give_up(event, condition)
            return
        record = orjson.dumps(self._record(event, outcome, condition))
        if is_destination(destination):
            await self.deliver(destination, record.decode())
            return
        receiver = self.functions.config(destination)
        if receiver is None:
            print(f"[{config.name}] there is no function {destination}", file=sys.stderr, flush=True)  # noqa: T201
            return
        self.accept(receiver, record, event.request_id)

    def _record(self, event: _Event, outcome: Outcome | None, condition: str) -> dict[str, Any]:
        error = outcome.error if outcome else None
        return {
            "version": "1.0",
            "timestamp": instant(self.clock.wall()),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": _qualified(event.config),
                "condition": condition,
                "approximateInvokeCount": event.tries,
            },
            "requestPayload": _json(event.payload),
            "responseContext": {"statusCode": 200, "executedVersion": event.config.version}
            | ({"functionError": error} if error else {}),
            "responsePayload": _json(outcome.payload) if outcome else None,
        }


def _give_up(event: _Event, why: str) -> None:
    print(f"[{event.config.name} {event.request_id}] given up: {why}", file=sys.stderr, flush=True)  # noqa: T201


def _last_words(event: _Event, outcome: Outcome | None) -> dict[str, str]:
    """The attributes of a dead letter. Source: Lambda developer guide, "Adding a dead-letter queue"."""
    document = _json(outcome.payload) if outcome else None
    message = str(document.get("errorMessage", "")) if isinstance(document, dict) else ""
    code = "429" if outcome is None else "200"
    return {"RequestID": event.request_id, "ErrorCode": code, "ErrorMessage": message[:1_000] or "-"}


def _qualified(config: FunctionConfig) -> str:
    return f"{config.arn}:{LATEST}" if config.version == LATEST else config.arn


def _json(payload: bytes) -> Any:
    return orjson.loads(payload) if payload else None
