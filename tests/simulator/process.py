"""The life of one execution environment: it serves one request at a time, stalls, dies, and has a clock of its own."""

from typing import Final

from tests.doubles.time_and_chance import START_AT
from tests.simulator.letter import Send
from tests.simulator.world import World

LIFE_OF_A_REQUEST_US: Final = 30_000_000
"""A function's time: Lambda kills the environment that needs more."""

FURTHEST_CLOCK_MS: Final = 3_000
LONGEST_STALL_US: Final = 60_000_000
LATEST_US: Final = 30_000_000
"""How late a write may be done."""

PROMPT_STALL_US: Final = 1_000_000
PROMPT_LATEST_US: Final = 1_500_000
"""The same of what writes events, which have to be there ten seconds after their ids were drawn, or never."""


class ProcessDied(BaseException):
    """The environment is gone: no line of it runs any more, no handler, no answer."""


class Process:
    """What may happen to an environment at each call it makes; between two of them nobody could tell."""

    def __init__(self, world: World, number: int, *, is_prompt: bool = False) -> None:
        self.world = world
        self.latest_us = PROMPT_LATEST_US if is_prompt else LATEST_US
        self._longest_stall_us = PROMPT_STALL_US if is_prompt else LONGEST_STALL_US
        self.number = number
        self.send: Send | None = None
        self._ends_us = 0

    def serve(self, send: Send | None) -> None:
        self.send = send
        self._ends_us = self.world.now_us() + LIFE_OF_A_REQUEST_US

    def step(self, *words: object) -> None:
        """Take a step of the program: the environment may stall, and it may die."""
        world = self.world
        world.note("e", self.number, *words)
        if world.meets("stalls"):
            world.note("e", self.number, "stalls")
            world.scheduler.pause(world.chance.randrange(self._longest_stall_us))
        if world.now_us() >= self._ends_us or world.meets("dies"):
            self.die()

    def die(self) -> None:
        self.world.note("e", self.number, "dies")
        raise ProcessDied


class DriftingClock:
    """An environment's clock: seconds off the others', never going back as far as durations are measured."""

    def __init__(self, process: Process) -> None:
        self._process = process
        chance = process.world.chance
        self._off_ms = chance.randint(-FURTHEST_CLOCK_MS, FURTHEST_CLOCK_MS)
        self._started_seconds = float(chance.randrange(10_000))

    def now_at(self) -> int:
        return START_AT + self._process.world.now_us() // 1_000 + self._off_ms

    def elapsed_seconds(self) -> float:
        return self._started_seconds + self._process.world.now_us() / 1_000_000

    def wait(self, seconds: float) -> None:
        self._process.world.scheduler.pause(round(seconds * 1_000_000))
        self._process.step("waited")
