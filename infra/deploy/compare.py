"""Tells two trees of plain values apart, in sentences that name the place."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

LONGEST_SHOWN: Final = 120


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Give a sentence for each place in which what is there is not what is wanted."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name in [*wanted, *(name for name in found if name not in wanted)]:
            below = f"{place}: {name}" if place else str(name)
            if name not in found:
                yield f"{below} is missing"
            elif name not in wanted:
                yield f"{below} is there and should not be"
            else:
                yield from differences(wanted[name], found[name], below)
    elif wanted != found:
        yield f"{place} is {_shown(found)} and should be {_shown(wanted)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."
