"""Patience ends: after so many tries, and before the caller's deadline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.patience import LONGEST_CALL_SECONDS, LONGEST_PAUSE_SECONDS, MAXIMUM_TRIES, Patience
from tests.doubles.time_and_chance import HandClock, SeededChance


def _patience(seconds: float, seed: int = 0) -> tuple[Patience, HandClock]:
    clock = HandClock()
    return Patience(clock, SeededChance(seed), clock.elapsed_seconds() + seconds), clock


def _use_up(patience: Patience) -> int:
    tries = 1
    while patience.again():
        tries += 1
        assert tries <= MAXIMUM_TRIES
    return tries


@given(st.floats(0, 30), st.integers())
def test_it_is_bounded_and_ends_before_the_deadline(seconds: float, seed: int) -> None:
    patience, clock = _patience(seconds, seed)
    assert _use_up(patience) <= MAXIMUM_TRIES
    assert sum(clock.waited_seconds) < seconds + 0.001 * MAXIMUM_TRIES
    assert all(pause <= LONGEST_PAUSE_SECONDS for pause in clock.waited_seconds)


def test_with_time_to_spare_all_tries_are_used() -> None:
    assert _use_up(_patience(60)[0]) == MAXIMUM_TRIES


def test_without_time_there_is_one_try() -> None:
    patience, clock = _patience(0)
    assert _use_up(patience) == 1
    assert clock.waited_seconds == []


def test_pauses_are_jittered() -> None:
    pauses = []
    for seed in range(5):
        patience, clock = _patience(60, seed)
        _use_up(patience)
        pauses.append(tuple(clock.waited_seconds))
    assert len(set(pauses)) == 5


@pytest.mark.parametrize(("left", "call"), [(20, LONGEST_CALL_SECONDS), (3, 3), (0.01, 0.05), (-1, 0.05)])
def test_a_call_takes_no_longer_than_the_caller_has(left: float, call: float) -> None:
    patience, _ = _patience(left)
    assert patience.call_seconds() == pytest.approx(call, abs=0.002)
