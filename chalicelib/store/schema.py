"""The shape of a stored item as a number (`sc`): which one this release writes, and which it can read.

    release 1   readers learn a new shape    written n      read n + 1
    release 2   writers change               written n + 1  read n + 1

Both may therefore run against one table, in any mixture and in either direction (docs/data-model.md, "How an item's
shape changes"). A shape that was ever written is read for ever: commit records cannot be rewritten, and a payment that
nobody touches is not.
"""

from dataclasses import dataclass
from typing import Final, cast

from chalicelib.store.port import HASH, RANGE, Item, NotAbove

ATTRIBUTE: Final = "sc"
UNNUMBERED: Final = 1
"""The shape of an item without a number: the first clients and tenants have none."""


class UnknownSchema(Exception):
    """An item has a shape that this release does not know; nothing may be made of it, and nothing was."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The shapes of one kind of item: `written` is that of every new one, `read` the newest that is understood."""

    kind: str
    written: int
    read: int

    def __post_init__(self) -> None:
        """Hold that a release reads what it writes, and is one ahead of its writers at the most."""
        assert self.written <= self.read <= self.written + 1, f"{self.kind}: {self.written} written, {self.read} read"

    def knows(self, number: object) -> bool:
        """Tell whether items of this number can be read."""
        return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= self.read

    def of(self, item: Item) -> int:
        """Return the number of a stored item; raise UnknownSchema rather than misread what a later release wrote."""
        number = item.get(ATTRIBUTE, UNNUMBERED)
        if self.knows(number):
            return cast("int", number)
        where = f"{item.get(HASH)!s} {item.get(RANGE)!s}"
        raise UnknownSchema(f"the {self.kind} {where} has schema {number!r}, this release reads 1 to {self.read}")

    def require(self, item: Item) -> None:
        """Raise UnknownSchema for an item that cannot be read."""
        self.of(item)

    def like(self, item: Item | None) -> int:
        """Return the number to compare a stored item in: its own if it is known, else what is written."""
        number = None if item is None else item.get(ATTRIBUTE, UNNUMBERED)
        return cast("int", number) if self.knows(number) else self.written

    @property
    def readable(self) -> NotAbove:
        """The condition of a write that is made without having read the item."""
        return NotAbove(ATTRIBUTE, self.read)


COMMIT: Final = Schema("commit", written=1, read=1)
ACCOUNT: Final = Schema("account", written=1, read=1)
BALANCE: Final = Schema("balance", written=1, read=1)
PAYMENT: Final = Schema("payment", written=1, read=1)
REFUND: Final = Schema("refund", written=1, read=1)
TRANSFER: Final = Schema("transfer", written=2, read=2)
"""1 knew posted and declined transfers only, and neither what was posted nor what was reversed."""
CLOCK: Final = Schema("clock", written=1, read=1)
LINE: Final = Schema("line", written=1, read=1)
EVENT: Final = Schema("event", written=1, read=1)
"""Also of a step of an object's history: both are written together."""
CLIENT: Final = Schema("client", written=1, read=1)
TENANT: Final = Schema("tenant", written=1, read=1)
