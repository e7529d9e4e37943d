"""The counter of failures stands on an open route: it has to stay small whatever is sent."""

import tracemalloc

from chalicelib.tokens.failures import Failures
from tests.doubles.time_and_chance import HandClock

MOST_BYTES = 16 * 2**20


def test_strangers_cannot_fill_the_memory_with_names() -> None:
    failures = Failures(HandClock())
    tracemalloc.start()
    try:
        for number in range(12_000):
            failures.add("10.0.0.1", f"{number}-" + "x" * 8_000 + "\U0001f600")
        held_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held_bytes < MOST_BYTES
