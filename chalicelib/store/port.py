"""What the ledger asks of its database, as values: keys, conditions, writes and the ways a write can fail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

# Numbers are integers of at most 38 digits; the only sets are non-empty sets of strings.
Value = str | int | bytes | bool | None | list["Value"] | dict[str, "Value"] | frozenset[str]
Item = Mapping[str, Value]
Table = Literal["commits", "ledger", "projections", "clients"]

HASH = "pk"
RANGE = "sk"
MAX_WRITES = 100
MAX_TOKEN = 36


@dataclass(frozen=True, slots=True)
class Key:
    """Where an item lives."""

    table: Table
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute exists and has this value."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The attribute is a number and not below the minimum."""

    name: str
    minimum: int


@dataclass(frozen=True, slots=True)
class NotAbove:
    """The attribute is a number and not above the maximum, or it is not there; so it holds where there is no item."""

    name: str
    maximum: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute is one of these strings."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """There is an item under the key."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no item under the key."""


@dataclass(frozen=True, slots=True)
class Authorised:
    """The principal owns the item (`o`) or holds its mandate (is in the string set `m`, which may be missing)."""

    principal: str


Condition = Equals | AtLeast | NotAbove | OneOf | Exists | Absent | Authorised


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole item; the attributes come without pk and sk."""

    key: Key
    attributes: Item
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change some attributes; a missing item is created, a missing number counts as 0."""

    key: Key
    set: Mapping[str, Value] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the item; that it is not there is no failure."""

    key: Key
    when: tuple[Condition, ...] = ()


Write = Put | Update | Delete


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one write did not hold: None where it was fine, and the item as it was where the engine gives it."""

    code: str | None
    item: Item | None = None


class Cancelled(Exception):
    """Nothing was written; one reason for each write, in the order of the writes."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(reason.code or "None" for reason in reasons))
        self.reasons = tuple(reasons)


class Throttled(Exception):
    """This call wrote nothing and may be tried again (an earlier call with the same token is another matter)."""


class OutcomeUnknown(Exception):
    """A timeout, a lost connection or a failing server: the write may or may not have happened."""


class Unreachable(Exception):
    """No connection could be made, so nothing was sent."""


class StoreMisuse(AssertionError):
    """The request itself is wrong (a fault of this program, never of its caller's data)."""


class Dynamo(Protocol):
    """The ledger's database; every method may raise Throttled, OutcomeUnknown, Unreachable and StoreMisuse."""

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """The item with pk and sk, or None."""

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Those of the items that are there, consistently, each as it was at some instant of the call."""

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        """All of the writes or none (Cancelled), in one attempt; a token has no second effect for ten minutes."""

    def query(  # noqa: PLR0913 - a range has that many sides
        self,
        table: Table,
        pk: str,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        consistent: bool = False,
    ) -> list[Item]:
        """Up to `limit` items with after < sk < before, ordered by sk; fewer only when there are no more."""
