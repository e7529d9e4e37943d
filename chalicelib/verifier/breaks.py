"""A break: one thing that does not agree with the commits, with the ids somebody needs to look into it."""

from dataclasses import dataclass

from chalicelib.store.port import Item

UNCHECKED = frozenset({"pk", "sk"})


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """`code` says what kind of break it is, `where` the item or commit, `detail` what differs."""

    code: str
    where: str
    detail: str = ""


def differences(stored: Item, expected: Item, *, but: frozenset[str] = frozenset()) -> str:
    """Name what differs between two items, their keys aside; empty if nothing does."""
    names = (stored.keys() | expected.keys()) - UNCHECKED - but
    wrong = sorted(name for name in names if stored.get(name) != expected.get(name))
    return ", ".join(f"{name} is {stored.get(name)!r}, not {expected.get(name)!r}" for name in wrong)
