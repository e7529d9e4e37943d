"""The commit: one immutable record that is idempotency record, journal entry, audit line and outbox at once.

The record's attributes (short names, because every item of a payment has to fit one write unit of 1 KB):

| name | meaning |
|---|---|
| `f` | SHA-256 of who asked for what: principal, method, path and canonical body |
| `op` `cl` `pn` `t` | the audit line: operation, client, principal, instant (ms) |
| `st` `b` `e` | the answer to replay: status, body (raw deflate), version for the ETag |
| `l` | the legs: account `a`, slice `n`, currency `c`, posted `p`, held `h`; zeros are left out |
| `ev` | the events that happened: name `k`, object `o`, its version `v` |
| `r` | the object as it was left, where the answer is not it (a decline); deflated like `b` |
| `x` | a checksum of all the rest: it finds damage, not malice |
| `sc` | schema of the record |

It holds no balance and no account sequence: after a blind update nobody knows them.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, cast

import orjson

from chalicelib.kernel.problems import Problem
from chalicelib.ledger.entry import NOTHING, Entry, Leg
from chalicelib.store.keys import commit_key
from chalicelib.store.port import HASH, RANGE, Absent, Item, Key, Put, Value, Write
from chalicelib.store.schema import COMMIT

_DEFLATE_LEVEL: Final = 6
_RAW_DEFLATE: Final = -15
_CHECKSUM_BYTES: Final = 8


class Stale(Exception):
    """The object has moved on since it was read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told, byte for byte, now and at every replay."""

    status: int
    body: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object, for those who follow."""

    name: str
    object_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One write of a commit besides its record, and what it means when its condition fails.

    `explain` gets the item as it was (None where there was none) and returns the refusal to give, or Stale.
    """

    write: Write
    explain: Callable[[Item | None], Problem | Stale]


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks: the audit line of the record."""

    tenant: str
    principal: str
    client: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one request changes.

    `declined` builds the commit that remembers a decline, where the operation has one.
    """

    author: Author
    key: str
    fingerprint: bytes
    operation: str
    at: int
    answer: Answer
    events: tuple[Event, ...]
    effects: tuple[Effect, ...]
    entry: Entry = NOTHING
    snapshot: bytes = b""
    declined: "Callable[[Problem], Commit] | None" = None

    @property
    def record_key(self) -> Key:
        """Where the record lives."""
        return commit_key(self.author.tenant, self.key)

    def writes(self) -> list[Write]:
        """Return the transaction: the record first, so that its reason is the first of a cancellation."""
        return [Put(self.record_key, _record(self), (Absent(),)), *(e.write for e in self.effects)]


@dataclass(frozen=True, slots=True)
class Audit:
    """Who did what when, as a stored record says it; `object_id` is the first object it speaks of."""

    key: str
    operation: str
    principal: str
    at: int
    object_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """A commit as it was found: what a replay needs of it."""

    fingerprint: bytes
    answer: Answer


def read_record(item: Item) -> Record:
    """Decode the stored record of a commit."""
    COMMIT.require(item)
    answer = Answer(cast("int", item["st"]), inflate(cast("bytes", item["b"])), cast("int", item["e"]))
    return Record(cast("bytes", item["f"]), answer)


def read_audit(item: Item) -> Audit:
    """Decode the audit line of a stored record."""
    COMMIT.require(item)
    events = cast("list[dict[str, str]]", item["ev"])
    return Audit(
        key=cast("str", item["sk"]),
        operation=cast("str", item["op"]),
        principal=cast("str", item["pn"]),
        at=cast("int", item["t"]),
        object_id=events[0]["o"] if events else "",
    )


def read_events(item: Item) -> tuple[Event, ...]:
    """Decode the events of a stored record."""
    COMMIT.require(item)
    rows = cast("list[dict[str, Value]]", item["ev"])
    return tuple(Event(cast("str", row["k"]), cast("str", row["o"]), cast("int", row["v"])) for row in rows)


def read_snapshot(item: Item) -> bytes:
    """Return the JSON of what the commit left: the answer itself, or the object beside it."""
    COMMIT.require(item)
    return inflate(cast("bytes", item.get("r") or item["b"]))


def picture(left: Mapping[str, Any], identifier: str) -> Mapping[str, Any] | None:
    """Find one object in what a commit left: the whole of it, a part of it, or one of several in a list."""
    several = (row for value in left.values() for row in (value if isinstance(value, list) else [value]))
    parts = (row for row in (left, *several) if isinstance(row, Mapping))
    return next((part for part in parts if part.get("id") == identifier), None)


def is_whole(item: Item) -> bool:
    """Tell whether a stored record is as it was written."""
    return item.get("x") == checksum(item)


def checksum(item: Item) -> bytes:
    """Return eight bytes of SHA-256 over a record's attributes, its key and checksum left out."""
    kept = {name: value for name, value in item.items() if name not in {HASH, RANGE, "x"}}
    canonical = orjson.dumps(kept, default=bytes.hex, option=orjson.OPT_SORT_KEYS)
    return sha256(canonical).digest()[:_CHECKSUM_BYTES]


def inflate(body: bytes) -> bytes:
    """Return an answer's body as it was sent."""
    return zlib.decompress(body, _RAW_DEFLATE)


def read_legs(item: Item) -> tuple[Leg, ...]:
    """Decode the journal entry of a stored record."""
    COMMIT.require(item)
    rows = cast("list[dict[str, Value]]", item["l"])
    return tuple(_leg(row) for row in rows)


def _leg(row: dict[str, Value]) -> Leg:
    return Leg(
        account=cast("str", row["a"]),
        slice_number=cast("int", row.get("n", 0)),
        currency=cast("str", row["c"]),
        posted_minor=cast("int", row.get("p", 0)),
        held_minor=cast("int", row.get("h", 0)),
    )


def _record(commit: Commit) -> Item:
    record: dict[str, Value] = {
        "f": commit.fingerprint,
        "op": commit.operation,
        "cl": commit.author.client,
        "pn": commit.author.principal,
        "t": commit.at,
        "st": commit.answer.status,
        "b": _deflate(commit.answer.body),
        "e": commit.answer.version,
        "l": [_leg_row(leg) for leg in commit.entry.legs],
        "ev": [{"k": e.name, "o": e.object_id, "v": e.version} for e in commit.events],
        "sc": COMMIT.written,
    }
    if commit.snapshot:
        record["r"] = _deflate(commit.snapshot)
    return record | {"x": checksum(record)}


def _deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
    return squeeze.compress(body) + squeeze.flush()


def _leg_row(leg: Leg) -> Value:
    numbers = {"n": leg.slice_number, "p": leg.posted_minor, "h": leg.held_minor}
    row: dict[str, Value] = {"a": leg.account, "c": leg.currency}
    return row | {name: number for name, number in numbers.items() if number}
