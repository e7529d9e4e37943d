"""Instants as callers see them, and the machine's clock."""

import pytest

from chalicelib.kernel.clock import SystemClock, to_rfc3339
from tests.doubles.time_and_chance import START_AT


@pytest.mark.parametrize(
    ("instant_at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (START_AT, "2026-11-23T09:00:00.000Z"),
        (START_AT + 60_007, "2026-11-23T09:01:00.007Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
    ],
)
def test_rendering(instant_at: int, text: str) -> None:
    assert to_rfc3339(instant_at) == text


def test_the_machines_clock() -> None:
    clock = SystemClock()
    assert clock.now_at() > 1_700_000_000_000, "milliseconds, not seconds"
    before_seconds = clock.elapsed_seconds()
    clock.wait(0)
    assert clock.elapsed_seconds() >= before_seconds
