"""Simulated time: many callers in one thread, each a greenlet, woken in the order of the instants they wait for."""

import heapq
from collections.abc import Callable
from itertools import count

from greenlet import getcurrent, greenlet

START_AT = 1_795_424_400_000
"""2026-11-23T09:00:00Z, in ms since the epoch."""


class Simulation:
    """A clock (chalicelib/kernel/clock.py) whose waiting lets the others go on, and takes no time at all."""

    def __init__(self) -> None:
        """Begin at START_AT; the greenlet that makes the simulation is the one that runs it."""
        self._seconds = 0.0
        self._due: list[tuple[float, int, greenlet]] = []
        self._numbers = count()
        self._hub = getcurrent()

    def now_at(self) -> int:
        """Return the simulated wall clock in milliseconds since the epoch."""
        return START_AT + int(self._seconds * 1_000)

    def elapsed_seconds(self) -> float:
        """Return the simulated seconds since the beginning."""
        return self._seconds

    def wait(self, seconds: float) -> None:
        """Go on after `seconds`; before `run` there is nobody else, so time just passes."""
        if getcurrent() is self._hub:
            self._seconds += seconds
        else:
            self._schedule(seconds, getcurrent())
            self._hub.switch()

    def start(self, after_seconds: float, work: Callable[[], None]) -> None:
        """Let `work` begin after a while, as a caller of its own."""
        self._schedule(after_seconds, greenlet(work, self._hub))

    def run(self) -> None:
        """Wake everybody in turn until nobody waits; what a caller raises ends it."""
        while self._due:
            self._seconds, _, caller = heapq.heappop(self._due)
            caller.switch()

    def _schedule(self, after_seconds: float, caller: greenlet) -> None:
        heapq.heappush(self._due, (self._seconds + after_seconds, next(self._numbers), caller))
