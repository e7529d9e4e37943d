"""Time that moves only when told, and chance that a seed replays."""

import random
from dataclasses import dataclass, field

START_AT = 1_795_424_400_000
"""2026-11-23T09:00:00Z, in ms since the epoch."""


@dataclass(slots=True)
class HandClock:
    """A clock moved by hand; waiting moves it."""

    at: int = START_AT
    waited_seconds: list[float] = field(default_factory=list)

    def now_at(self) -> int:
        return self.at

    def elapsed_seconds(self) -> float:
        return self.at / 1_000

    def wait(self, seconds: float) -> None:
        self.waited_seconds.append(seconds)
        self.at += round(seconds * 1_000)

    def move(self, seconds: float) -> None:
        self.at += round(seconds * 1_000)


class SeededChance:
    """Every draw follows from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def fraction(self) -> float:
        return self._random.random()
