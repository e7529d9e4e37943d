"""The one retry layer: bounded, jittered, and inside the caller's deadline."""

from dataclasses import dataclass, field
from typing import Final

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance

MAXIMUM_TRIES: Final = 8
FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.64
LONGEST_CALL_SECONDS: Final = 5.0
"""One call to the ledger may take this long; its outcome is unknown afterwards."""


@dataclass(slots=True)
class Patience:
    """How often and how long one request may still try.

    `unknown` remembers that some try of this request may have taken effect although nobody saw it: from
    then on a refusal is no longer certain.
    """

    clock: Clock
    chance: Chance
    deadline_seconds: float
    tries: int = field(default=0, init=False)
    unknown: bool = field(default=False, init=False)

    def remaining_seconds(self) -> float:
        """Return how much of the caller's time is left."""
        return self.deadline_seconds - self.clock.elapsed_seconds()

    def call_seconds(self) -> float:
        """Return how long the next call may take."""
        return max(0.05, min(LONGEST_CALL_SECONDS, self.remaining_seconds()))

    def again(self) -> bool:
        """Wait a random while and tell whether another try is allowed (full jitter, doubling ceiling)."""
        self.tries += 1
        ceiling = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self.tries)
        pause_seconds = ceiling * self.chance.fraction()
        if self.tries >= MAXIMUM_TRIES or pause_seconds >= self.remaining_seconds():
            return False
        self.clock.wait(pause_seconds)
        return True
