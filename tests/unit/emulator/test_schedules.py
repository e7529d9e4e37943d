"""A function that is started by the clock: once a period, whatever happens to a run.

Source: Amazon EventBridge user guide: eb-create-rule-schedule.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.clock import Clock
from emulator.lambdas.config import Outcome
from emulator.lambdas.event_sources import ScheduleSource
from emulator.lambdas.schedules import Schedule

NOW_MS = 1_795_424_400_000
SOURCE = ScheduleSource("sweep", 60)


class Enough(Exception):
    """The test has seen enough periods."""


@dataclass
class World:
    """A schedule on a clock that only waiting moves."""

    outcomes: list[Outcome | Exception]
    now_ms: int = NOW_MS
    started: list[tuple[int, Any]] = field(default_factory=list)

    async def invoke(self, function: str, payload: bytes) -> Outcome:
        self.started.append((self.now_ms, {"function": function, **orjson.loads(payload)}))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def wait(self, seconds: float) -> None:
        if not self.outcomes:
            raise Enough
        self.now_ms += int(seconds * 1_000)

    def play(self, source: ScheduleSource = SOURCE) -> None:
        clock = Clock(wall=lambda: self.now_ms, steady=lambda: self.now_ms)
        schedule = Schedule(source, self.invoke, clock, "us-east-1", "123456789012", self.wait)
        try:
            asyncio.run(schedule.follow())
        except Enough:
            return


def test_once_a_period_whatever_happens_to_a_run() -> None:
    world = World([Outcome(b"{}"), Outcome(b"boom", "Unhandled"), RuntimeError("busy"), Outcome(b"{}")])
    world.play()
    assert [at - NOW_MS for at, _ in world.started] == [60_000, 120_000, 180_000, 240_000]


def test_the_event_is_eventbridges() -> None:
    world = World([Outcome(b"{}")])
    world.play()
    ((_, event),) = world.started
    assert event["function"] == "sweep"
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["time"] == "2026-11-23T09:01:00Z"
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/sweep"]


def test_the_event_names_the_rule_or_is_the_targets_own() -> None:
    rule = "arn:aws:events:us-east-1:123456789012:rule/nightly"
    named, own = World([Outcome(b"{}")]), World([Outcome(b"{}")])
    named.play(ScheduleSource("sweep", 60, rule))
    own.play(ScheduleSource("sweep", 60, rule, '{"depth": 3}'))
    assert named.started[0][1]["resources"] == [rule]
    assert own.started == [(NOW_MS + 60_000, {"function": "sweep", "depth": 3})]
