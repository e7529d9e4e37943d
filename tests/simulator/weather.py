"""How badly things go in one run: each seed has a weather of its own, from calm to hopeless."""

from dataclasses import dataclass, fields
from random import Random
from typing import Final

_RATES: Final = (0.0, 0.0, 0.01, 0.03, 0.15)
"""Half of the runs know nothing of a kind of trouble, so that the others are seen on their own."""


@dataclass(frozen=True, slots=True)
class Weather:
    """The chance of each trouble per call (of the streams': per batch; of the last three: per request)."""

    throttled: float = 0.0
    unreachable: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    late: float = 0.0
    dies: float = 0.0
    stalls: float = 0.0
    stale: float = 0.0
    stream_lags: float = 0.0
    redelivered: float = 0.0
    client_leaves: float = 0.0
    sent_twice: float = 0.0
    put_off: float = 0.0


CALM: Final = Weather()


def draw_weather(chance: Random) -> Weather:
    """Draw a weather; deaths and stalls cost an environment, so they are rarer by an order."""
    rates = {field.name: chance.choice(_RATES) for field in fields(Weather)}
    rates["dies"] /= 5
    rates["stalls"] /= 10
    return Weather(**rates)
