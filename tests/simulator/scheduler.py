"""Virtual time and whose turn it is: all that is going to happen waits in one queue, by instant and then by arrival.

Code that waits is unchanged and synchronous: it runs in a greenlet, and waiting hands the turn back to the queue.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from greenlet import getcurrent, greenlet

Happens = Callable[[], object]
T = TypeVar("T")


class Promise(Generic[T]):
    """What somebody is going to answer, or never will."""

    __slots__ = ("_wake", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._wake: Happens | None = None

    def keep(self, value: T) -> None:
        """Answer, from the queue; whoever still waits goes on at once."""
        self.value = value
        if self._wake:
            self._wake()

    def wakes(self, happens: Happens) -> None:
        self._wake = happens


class Scheduler:
    """One queue of what happens when, in microseconds since the start; nothing is left to the machine's own clock."""

    def __init__(self) -> None:
        self.now_us = 0
        self.steps = 0
        self._queue: list[tuple[int, int, Happens]] = []
        self._hub = getcurrent()

    def after(self, delay_us: int, happens: Happens) -> None:
        """Let something happen later; of two things at one instant the one that was asked for first is first."""
        self.steps += 1
        heappush(self._queue, (self.now_us + delay_us, self.steps, happens))

    def start(self, work: Happens, delay_us: int = 0) -> None:
        """Start work that may wait."""
        self.after(delay_us, greenlet(work, self._hub).switch)

    def pause(self, delay_us: int) -> None:
        """Let time pass for the work that asks, and others have their turn."""
        self.after(delay_us, getcurrent().switch)
        self._hub.switch()

    def wait(self, promise: Promise[T], longest_us: int) -> T | None:
        """Wait for an answer, at most so long; None if there is none by then."""
        if promise.value is None:
            wake = _once(getcurrent().switch)
            promise.wakes(wake)
            self.after(longest_us, wake)
            self._hub.switch()
        return promise.value

    def run(self) -> None:
        """Let everything happen, until nothing is left that could."""
        while self._queue:
            self.now_us, _, happens = heappop(self._queue)
            happens()


def _once(happens: Happens) -> Happens:
    """The answer and the end of patience race: the second one finds nobody."""
    waiting = [happens]

    def wake() -> None:
        if waiting:
            waiting.pop()()

    return wake
