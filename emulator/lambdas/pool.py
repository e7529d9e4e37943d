"""The environments of one function: reused while warm, started on demand, replaced when they die.

An event takes the environment that was idle last (so that a quiet pool shrinks). When none is idle, one more is
started, up to the limit; beyond it events wait in order of arrival. AWS would start hundreds: on one machine
they would only fight for its cores.
"""

from __future__ import annotations

import asyncio
from collections import deque

from emulator.clock import Clock
from emulator.lambdas.config import FunctionConfig, Invocation, Outcome
from emulator.lambdas.environment import Environment, Phase

LONGEST_QUEUE = 1_000
"""Events that may wait for one function; what comes then is refused, as Lambda refuses (429)."""


class UnknownFunction(Exception):
    """There is no function of that name."""


class TooManyRequests(Exception):
    """The function has as much to do as it may have."""


class Pool:
    """All environments of one function."""

    def __init__(self, config: FunctionConfig, clock: Clock) -> None:
        self.config = config
        self.environments: set[Environment] = set()
        self._clock = clock
        self._idle: list[Environment] = []
        self._queue: deque[Invocation] = deque()
        self._stopping: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._leaving = False
        self._running = 0

    @property
    def has_idle(self) -> bool:
        """Tell whether an environment waits for work."""
        return bool(self._idle)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing runs here and nothing waits."""
        return not self.environments and not self._queue

    async def invoke(self, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        """Run one event to its end; a caller that leaves takes its place in the queue with it, not the event.

        Raises TooManyRequests when the queue is full, or all of the reserved concurrency is taken.
        """
        reserved = self.config.reserved_concurrency
        if reserved is not None and self._running >= reserved:
            raise TooManyRequests(self.config.name)
        self._running += 1
        try:
            return await self._run(request_id, payload, trace_id)
        finally:
            self._running -= 1

    async def _run(self, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append(Invocation(request_id, payload, trace_id, future))
        if len(self._queue) > LONGEST_QUEUE:
            self._queue.pop()
            raise TooManyRequests(self.config.name)
        self._dispatch()
        return await future

    def warm(self) -> None:
        """Start an environment ahead of the first event."""
        if not self.environments:
            self._start()

    def retire(self) -> None:
        """The code has changed: whoever works may finish, everybody else ends now."""
        for environment in list(self.environments):
            environment.retired = True
        idle, self._idle = self._idle, []
        for environment in idle:
            self._stop(environment)

    def leave(self) -> None:
        """Take no new events: those that are here are brought to their end, and then nothing runs any more."""
        self._leaving = True
        self.retire()

    def recycle(self, idle_seconds: float) -> None:
        """End environments that have been idle for longer than this."""
        oldest_ms = self._clock.steady() - idle_seconds * 1_000
        for environment in [e for e in self._idle if e.idle_since_ms < oldest_ms]:
            self._idle.remove(environment)
            self._stop(environment)

    async def stop(self) -> None:
        """End all environments; events that wait are answered with an error by nobody: their callers are gone."""
        self._stopped = True
        self._queue.clear()
        environments, self.environments = list(self.environments), set()
        await asyncio.gather(*(environment.stop() for environment in environments))
        if self._stopping:
            await asyncio.wait(self._stopping)

    def _dispatch(self) -> None:
        if self._stopped:
            return
        while self._queue and self._queue[0].outcome.done():
            self._queue.popleft()  # nobody waits for it any more
        while self._queue and self._idle:
            invocation = self._queue.popleft()
            if not invocation.outcome.done():
                self._idle.pop().deliver(invocation)
        starting = sum(e.phase is Phase.STARTING and not e.retired for e in self.environments)
        room = self.config.max_environments - len(self.environments)
        for _ in range(min(room, len(self._queue) - starting)):
            self._start()

    def _start(self) -> None:
        environment = Environment(self.config, self._clock, on_idle=self._on_idle, on_dead=self._on_dead)
        self.environments.add(environment)
        environment.start()

    def _on_idle(self, environment: Environment) -> None:
        if environment.retired or (self._leaving and not self._queue):
            self._stop(environment)
            return
        self._idle.append(environment)
        self._dispatch()

    def _on_dead(self, environment: Environment, verdict: Outcome) -> None:
        self.environments.discard(environment)
        if environment in self._idle:
            self._idle.remove(environment)
        if not environment.served and not environment.retired and self._queue:
            # It never became ready: the event that it was started for fails as it would on Lambda.
            self._queue.popleft().finish(verdict)
        self._dispatch()

    def _stop(self, environment: Environment) -> None:
        task = asyncio.get_running_loop().create_task(environment.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
