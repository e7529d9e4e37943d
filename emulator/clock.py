"""Time as an argument: the one place of the emulator that may read a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is milliseconds since the epoch; `steady` is milliseconds that never go backwards."""

    wall: Callable[[], int] = _wall_ms
    steady: Callable[[], int] = _steady_ms
