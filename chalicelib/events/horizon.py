"""How far an event must lie back before anybody is shown it."""

from typing import Final

from chalicelib.kernel.clock import SECOND_MS, Clock
from chalicelib.kernel.ids import earliest_id
from chalicelib.projections.records import EVENT_PREFIX

HORIZON_SECONDS: Final = 10
"""Longer than an event can take from the drawing of its id to its being there, drift of clocks included."""

CLOCKS_APART_SECONDS: Final = 6
"""How far the clocks of two environments may be apart: what one has shown may be as much too young for the other."""


def horizon_id(clock: Clock, *, ahead_seconds: int = 0) -> str:
    """Return what sorts after every event that may be shown and before every other.

    `ahead_seconds` asks for the horizon of a clock that is so far ahead.

    By the machine's clock, for events are numbered by it: a tenant's test clock moves its money, not its events.
    """
    return earliest_id(EVENT_PREFIX, clock.now_at() - (HORIZON_SECONDS - ahead_seconds) * SECOND_MS)
