"""Asynchronous events whose function is deleted or refuses, and the letters of those that are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from emulator.clock import Clock
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.config import FunctionConfig, Outcome
from emulator.lambdas.pool import TooManyRequests
from tests.doubles.gateway import HandClock
from tests.doubles.lambda_planes import QUEUE, StillFunctions, StillPool

FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled")


class FailingPool(StillPool):
    """Fails, or has no room."""

    outcome: Outcome | Exception = FAILED

    async def invoke(self, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        del request_id, payload, trace_id
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class World:
    """One function that fails; waiting moves the clock."""

    def __init__(self, outcome: Outcome | Exception = FAILED, **settings: object) -> None:
        self.time = HandClock()
        self.functions = StillFunctions(Clock())
        self.config = FunctionConfig("f", "entry.handle", "nowhere", 128, 3.0, {}, **settings)  # type: ignore[arg-type]
        self.functions.pools["f"] = pool = FailingPool(self.config, Clock())
        pool.outcome = outcome
        self.waits = 0
        self.sent: list[str] = []
        self.letters: list[tuple[str, str, Mapping[str, str]]] = []

    async def wait(self, seconds: float) -> None:
        self.waits += 1
        self.time.advance(int(seconds * 1_000))

    async def deliver(self, arn: str, body: str) -> None:
        del body
        self.sent.append(arn)

    async def bury(self, arn: str, body: str, attributes: Mapping[str, str]) -> None:
        self.letters.append((arn, body, attributes))

    def play(self) -> None:
        async def accepted() -> None:
            asynchronous = Asynchronous(self.functions, self.time.clock(), self.wait, self.deliver, self.bury)
            asynchronous.accept(self.config, b'{"a": 1}', "r-1")
            await asynchronous.settled()

        asyncio.run(accepted())


def test_an_event_of_a_function_that_is_deleted_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(on_failure=QUEUE)

    async def delete(seconds: float) -> None:
        del seconds
        world.functions.drop("f")

    world.wait = delete  # type: ignore[method-assign]
    world.play()
    assert world.sent == []
    assert "[f r-1] given up: there is no such function any more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "code", "said", "waits"),
    [
        (FAILED, "200", "no", 2),
        (Outcome(b"null", "Unhandled"), "200", "-", 2),
        (TooManyRequests("f"), "429", "-", 60),
    ],
)
def test_a_dead_letter_says_why(outcome: Outcome | Exception, code: str, said: str, waits: int) -> None:
    world = World(outcome, dead_letters=QUEUE, on_failure=QUEUE, maximum_event_age_seconds=60)
    world.play()
    attributes = {"RequestID": "r-1", "ErrorCode": code, "ErrorMessage": said}
    assert world.letters == [(QUEUE, '{"a": 1}', attributes)]
    assert (world.sent, world.waits) == ([QUEUE], waits)


def test_who_succeeds_leaves_no_letter() -> None:
    world = World(Outcome(b"1"), dead_letters=QUEUE, on_success=QUEUE)
    world.play()
    assert (world.letters, world.sent) == ([], [QUEUE])
