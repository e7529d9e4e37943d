"""All functions of this machine: invoke by name, reload when the code changes, stop without a trace."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from watchfiles import PythonFilter, awatch

from emulator.clock import Clock
from emulator.lambdas.bytecode import compile_code
from emulator.lambdas.config import LATEST, MAXIMUM_PAYLOAD_BYTES, FunctionConfig, Outcome
from emulator.lambdas.pool import Pool, TooManyRequests, UnknownFunction

IDLE_SECONDS = 300.0
RECYCLE_EVERY_SECONDS = 30.0
ACCOUNT_CONCURRENCY = 1_000
"""Events at once in one account and Region. Source: Lambda quotas, "Concurrent executions"."""

DEBOUNCE_MS = 100
"""Edits that come together make one reload."""


Targets = Sequence[tuple[str, float]]
"""What an alias stands for: keys of pools, each with its share of the events."""


def _chance() -> float:
    """A number from 0 to 1, which nobody can foresee."""
    return int.from_bytes(os.urandom(4)) / 2**32


class Functions:
    """The functions by their deployed names."""

    def __init__(
        self,
        configs: Sequence[FunctionConfig],
        *,
        clock: Clock | None = None,
        watch: bool = True,
        warm: bool = True,
        concurrency: int = ACCOUNT_CONCURRENCY,
    ) -> None:
        """Take the functions; `watch` follows edits of their code, `warm` starts one environment of each.

        Of the account's `concurrency`, what functions have reserved is theirs; the others share the rest.
        """
        self._clock = clock or Clock()
        self.pools = {config.name: Pool(config, self._clock) for config in configs}
        self._leaving: list[Pool] = []
        self._concurrency = concurrency
        self._share()
        self._running = 0
        self._watch = watch
        self._warm = warm
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_watching = asyncio.Event()

    async def start(self) -> None:
        """Compile the code, start one environment per function, and follow edits."""
        await compile_code(self._packages())
        if self._warm:
            for pool in self.pools.values():
                pool.warm()
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._recycle()))
        if self._watch:
            self._tasks.append(loop.create_task(self._follow()))

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> Outcome:
        """Run one event and return how it ended.

        Raises UnknownFunction, TooManyRequests. A payload above 6 MB is answered as Lambda answers it. When the
        caller is cancelled, the function runs on.
        """
        pool = self.pool(name)
        if pool is None:
            raise UnknownFunction(name)
        if len(payload) > MAXIMUM_PAYLOAD_BYTES:
            return Outcome(b'{"errorType":"RequestTooLargeException"}', "Unhandled")
        return await self._admit(pool, request_id, payload, _decided(trace_id, request_id))

    async def _admit(self, pool: Pool, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        if pool.config.reserved_concurrency is not None:
            return await pool.invoke(request_id, payload, trace_id)
        return await self._invoke_shared(pool, request_id, payload, trace_id)

    async def _invoke_shared(self, pool: Pool, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        if self._running >= self._shared:
            raise TooManyRequests(pool.config.name)
        self._running += 1
        try:
            return await pool.invoke(request_id, payload, trace_id)
        finally:
            self._running -= 1

    def pool(self, name: str) -> Pool | None:
        """Return what runs `name`: a function from the source tree is the same under every version and alias."""
        return self.pools.get(name.partition(":")[0])

    def config(self, name: str) -> FunctionConfig | None:
        """Return the function that `name` leads to now, None if there is none."""
        pool = self.pool(name)
        return pool.config if pool else None

    def _share(self) -> None:
        """Find out what is left of the account's concurrency for functions that have reserved none."""
        reserved = {pool.config.name: pool.config.reserved_concurrency or 0 for pool in self.pools.values()}
        self._shared = self._concurrency - sum(reserved.values())

    async def reload(self) -> None:
        """Run new events on new code: compile, let environments at work finish, end the idle ones."""
        await compile_code(self._packages())
        for pool in self.pools.values():
            pool.retire()

    async def stop(self) -> None:
        """End every environment and wait until the last process is gone."""
        self._stop_watching.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(pool.stop() for pool in (*self.pools.values(), *self._leaving)))

    def pids(self) -> list[int]:
        """Return the process ids of all environments."""
        environments = [e for pool in self.pools.values() for e in pool.environments]
        return [environment.pid for environment in environments if environment.pid is not None]

    def _packages(self) -> list[Path]:
        return _packages([pool.config for pool in self.pools.values()])

    async def _recycle(self) -> None:
        while True:
            await asyncio.sleep(RECYCLE_EVERY_SECONDS)
            for pool in self.pools.values():
                pool.recycle(IDLE_SECONDS)

    async def _follow(self) -> None:
        changes = awatch(
            *self._packages(),
            watch_filter=PythonFilter(),
            debounce=DEBOUNCE_MS,
            stop_event=self._stop_watching,
        )
        with suppress(asyncio.CancelledError):
            async for _ in changes:
                await self.reload()


class DeployedFunctions(Functions):
    """Functions that come and go while others run, with the versions and aliases that were made, and no others."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._reserved: dict[str, int] = {}
        super().__init__([], clock=clock, watch=False, warm=False)
        self.aliases: dict[str, Targets] = {}
        self.asynchronous: dict[str, Mapping[str, Any]] = {}
        self.chance: Callable[[], float] = _chance
        self._busy: Counter[str] = Counter()
        self._compiled: set[str] = set()

    def pool(self, name: str) -> Pool | None:
        """Return what runs `name`, `name:version` or `name:alias`; of an alias with weights, by chance."""
        name = name.removesuffix(f":{LATEST}")
        targets = self.aliases.get(name)
        return self.pools.get(name if targets is None else self._chosen(targets))

    def config(self, name: str) -> FunctionConfig | None:
        """Return the version that `name` leads to now, to be invoked asynchronously as was said of this very name."""
        found = super().config(name)
        return replace(found, **self.asynchronous.get(name.removesuffix(f":{LATEST}"), {})) if found else None

    def reserve(self, name: str, concurrency: int | None) -> None:
        """Let all versions of a function together run this many events at once; None leaves them the common rest."""
        self._reserved.pop(name, None)
        if concurrency is not None:
            self._reserved[name] = concurrency
        self._share()

    def _share(self) -> None:
        self._shared = self._concurrency - sum(self._reserved.values())

    async def _admit(self, pool: Pool, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        name = pool.config.name
        reserved = self._reserved.get(name)
        if reserved is None:
            return await self._invoke_shared(pool, request_id, payload, trace_id)
        if self._busy[name] >= reserved:
            raise TooManyRequests(name)
        self._busy[name] += 1
        try:
            return await pool.invoke(request_id, payload, trace_id)
        finally:
            self._busy[name] -= 1

    def _chosen(self, targets: Targets) -> str:
        """The first target that chance falls on; the last one has what the weights before it leave."""
        left = self.chance() if len(targets) > 1 else 0.0
        for key, weight in targets[:-1]:
            if left < weight:
                return key
            left -= weight
        return targets[-1][0]

    async def put(self, key: str, config: FunctionConfig) -> None:
        """Run a function under this key from now on; events that are with the one before end there."""
        if config.code_root not in self._compiled:
            with suppress(OSError):  # no process to be had: what is not compiled starts later, and runs all the same
                await compile_code(_packages([config]))
            self._compiled.add(config.code_root)
        self.drop(key)
        self.pools[key] = Pool(config, self._clock)

    def drop(self, key: str) -> None:
        """Run a function no more."""
        before = self.pools.pop(key, None)
        if before is not None:
            before.leave()
            self._leaving.append(before)

    def code_in_use(self) -> set[str]:
        """The folders of all code that something runs from or may run from, also to its last event."""
        self._leaving = [pool for pool in self._leaving if not pool.is_empty]
        roots = {pool.config.code_root for pool in (*self._leaving, *self.pools.values())}
        self._compiled &= roots
        return roots

    def point(self, alias: str, targets: Targets) -> None:
        """Let an alias (`name:live`) stand for these from now on, none for none; who serves by it is warm."""
        if not targets:
            self.aliases.pop(alias, None)
            return
        self.aliases[alias] = targets
        for key, _ in targets:
            if key in self.pools:
                self.pools[key].warm()


def _packages(configs: Sequence[FunctionConfig]) -> list[Path]:
    """The top-level package or module of each handler."""
    tops = {Path(c.code_root) / c.handler.replace("/", ".").split(".")[0] for c in configs}
    found = [top if top.is_dir() else top.with_suffix(".py") for top in sorted(tops)]
    return [path for path in found if path.exists()]


def _decided(trace_id: str, request_id: str) -> str:
    """The trace as functions find it in `_X_AMZN_TRACE_ID`: with a segment, and sampled only if the caller said so."""
    parent = "" if "Parent=" in trace_id else f";Parent={request_id.replace('-', '')[:16]}"
    sampled = "" if "Sampled=" in trace_id else ";Sampled=0"
    return f"{trace_id}{parent}{sampled}" if trace_id else ""
