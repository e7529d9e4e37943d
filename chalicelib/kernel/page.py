"""A page of a list, newest first, and the limits of asking for one."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

DEFAULT_LIMIT: Final = 10
MAXIMUM_LIMIT: Final = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for; both cursors are exclusive and at most one is given."""

    limit: int = DEFAULT_LIMIT
    starting_after: str | None = None
    ending_before: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of a window, newest first; `has_more` speaks of the direction of paging."""

    rows: tuple[T, ...]
    has_more: bool
