"""The only place that reads the clock or waits; everything else is handed a Clock."""

import re
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND_MS = 1_000
DAY_SECONDS = 86_400
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Clock(Protocol):
    """Time as an argument, so that expiry, retries and deadlines can be tested without waiting."""

    def now_at(self) -> int:
        """Return the wall clock in milliseconds since 1970-01-01T00:00:00Z."""
        ...

    def elapsed_seconds(self) -> float:
        """Return a reading that never goes back, for measuring durations."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_at(self) -> int:
        """Return the wall clock in milliseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1_000_000

    def elapsed_seconds(self) -> float:
        """Return the machine's monotonic clock in seconds."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)


def to_rfc3339(instant_at: int) -> str:
    """Render milliseconds since the epoch as RFC 3339 in UTC with milliseconds: 2026-11-23T09:00:00.000Z."""
    whole = datetime.fromtimestamp(instant_at // SECOND_MS, tz=UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{instant_at % SECOND_MS:03d}Z"


def instant(text: str) -> int:
    """Return the milliseconds of an instant that `to_rfc3339` wrote."""
    at = from_rfc3339(text)
    assert at is not None, f"{text} was written by somebody else"
    return at


def from_rfc3339(text: str) -> int | None:
    """Return milliseconds since the epoch of an RFC 3339 instant with an offset; None if it is not one."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return round(datetime.fromisoformat(text.upper()).timestamp() * SECOND_MS)
    except (ValueError, OverflowError):  # the 30th of February, the year 0
        return None
