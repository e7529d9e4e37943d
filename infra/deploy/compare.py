"""Tells two trees of plain values apart, in sentences that name the place."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

LONGEST_SHOWN: Final = 120
_BEFORE: Final = 30
"""Characters shown before the first that is not the same."""


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
        is_there, should_be = _shown(found, wanted)
        yield f"{place} is {is_there} and should be {should_be}"


def _shown(found: Any, wanted: Any) -> tuple[str, str]:
    """Both as texts; of long ones that part in which they are not the same."""
    texts = repr(found), repr(wanted)
    if max(map(len, texts)) <= LONGEST_SHOWN:
        return texts
    same = next((at for at, (one, other) in enumerate(zip(*texts, strict=False)) if one != other), 0)
    start = same - _BEFORE if same > LONGEST_SHOWN - _BEFORE else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _cut(text: str, start: int) -> str:
    end = start + LONGEST_SHOWN
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"
