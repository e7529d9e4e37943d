"""Ids that sort by time and carry their shard; the only place, with the tokens room, that draws chance."""

import random
import secrets
from typing import Final, Protocol

SHARDS: Final = "01234567"
"""One character each: a list reads this many partitions and merges them, a write is spread over as many."""

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS: Final = 10
_CHANCE_CHARACTERS: Final = 16
_STEM_LENGTH: Final = _TIME_CHARACTERS + _CHANCE_CHARACTERS


class Chance(Protocol):
    """Randomness as an argument: a seed replays a failure."""

    def bits(self, count: int) -> int:
        """Return `count` random bits as a non-negative integer."""
        ...

    def below(self, limit: int) -> int:
        """Return an integer of 0 <= n < `limit`."""
        ...

    def fraction(self) -> float:
        """Return a number of 0.0 <= x < 1.0."""
        ...


class SystemChance:
    """The operating system's randomness for ids; a seeded generator for spreading and jitter."""

    def __init__(self) -> None:
        """Seed the spreading generator from the operating system."""
        self._spread = random.Random(secrets.randbits(64))  # noqa: S311 - spreads load, guards nothing

    def bits(self, count: int) -> int:
        """Return `count` bits that nobody can foretell."""
        return secrets.randbits(count)

    def below(self, limit: int) -> int:
        """Return an integer of 0 <= n < `limit`, good enough to spread writes over slices."""
        return self._spread.randrange(limit)

    def fraction(self) -> float:
        """Return a number of 0.0 <= x < 1.0 for jitter."""
        return self._spread.random()


def new_id(prefix: str, at: int, chance: Chance, *, tag: str = "") -> str:
    """Return `<prefix>_<time><chance><tag><shard>`: sorts by time, 80 random bits, shard last.

    `at` is in milliseconds since the epoch. The layout is a ULID's (48 bits of time, 80 of chance, in
    Crockford's base 32, lower case) with the tag and the shard behind it.
    """
    stem = _base32(at, _TIME_CHARACTERS) + _base32(chance.bits(80), _CHANCE_CHARACTERS)
    return f"{prefix}_{stem}{tag}{SHARDS[chance.below(len(SHARDS))]}"


def earliest_id(prefix: str, at: int) -> str:
    """Return what sorts before every id made at `at` (ms) or later, and after every earlier one."""
    return f"{prefix}_{_base32(at, _TIME_CHARACTERS)}"


def is_id(text: str, prefix: str, *, tags: str = "") -> bool:
    """Tell whether `text` could have come from `new_id(prefix, ..., tag=one of tags)`."""
    head, _, rest = text.partition("_")
    if head != prefix or len(rest) != _STEM_LENGTH + bool(tags) + 1:
        return False
    return (
        all(letter in _ALPHABET for letter in rest[:_STEM_LENGTH])
        and (not tags or rest[_STEM_LENGTH] in tags)
        and rest[-1] in SHARDS
    )


def shard_of(identifier: str) -> str:
    """Return the shard an id carries: its last character."""
    return identifier[-1]


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(length - 1, -1, -1))
