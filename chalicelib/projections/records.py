"""The items that projections make, and how other rooms read them.

| item | attributes |
|---|---|
| line | posted `p`, held `h`, running balance `bp` `bh`, commit `lc`, instant `t`, operation `op`, object `ob` |
| step | event's id `e` and name `k`, version `v`, commit `lc`, instant `t`, principal `pn`, the answer deflated `b` |
| event | name `k`, object `o`, its version `v`; `lc` `t` `pn` `b` as above |

Instants are ms since the epoch; that of a line is never before that of the line before it.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from chalicelib.kernel.clock import to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.store.commit import inflate, picture
from chalicelib.store.port import Item
from chalicelib.store.schema import EVENT, LINE

EVENT_PREFIX: Final = "evt"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of one slice of an account, in minor units; `at` in ms since the epoch."""

    slice_number: int
    sequence: int
    posted_minor: int
    held_minor: int
    balance_posted_minor: int
    balance_held_minor: int
    commit: str
    operation: str
    object_id: str
    at: int

    @property
    def id(self) -> str:
        """The line's name within its account: slice and sequence."""
        return f"{self.slice_number}.{self.sequence}"

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the line stands among those of all slices: by time, then by slice and sequence."""
        return (self.at, self.slice_number, self.sequence)


def read_line(item: Item) -> Line:
    """Decode a `line` item."""
    LINE.require(item)
    return Line(
        slice_number=int(str(item["pk"]).rpartition("/")[2]),
        sequence=int(str(item["sk"])),
        posted_minor=cast("int", item["p"]),
        held_minor=cast("int", item["h"]),
        balance_posted_minor=cast("int", item["bp"]),
        balance_held_minor=cast("int", item["bh"]),
        commit=cast("str", item["lc"]),
        operation=cast("str", item["op"]),
        object_id=cast("str", item["ob"]),
        at=cast("int", item["t"]),
    )


def line_attributes(line: Line) -> Item:
    """Return what is stored of a line."""
    return {
        "p": line.posted_minor,
        "h": line.held_minor,
        "bp": line.balance_posted_minor,
        "bh": line.balance_held_minor,
        "lc": line.commit,
        "op": line.operation,
        "ob": line.object_id,
        "t": line.at,
        "sc": LINE.written,
    }


def is_line(item: Item) -> bool:
    """Tell whether an item has what a line has, and nothing else."""
    numbers = ("p", "h", "bp", "bh", "t", "sc")
    texts = ("lc", "op", "ob", "pk", "sk")
    whole = all(isinstance(item.get(name), int) for name in numbers) and LINE.knows(item["sc"])
    return whole and all(isinstance(item.get(name), str) for name in texts) and len(item) == len(numbers + texts)


def is_event_id(text: str) -> bool:
    """Tell whether `text` has the form of an event's id."""
    return is_id(text, EVENT_PREFIX)


def step(item: Item) -> dict[str, Any]:
    """Return one step of an object's history as callers see it; `data` is the object as that step left it."""
    EVENT.require(item)
    return {
        "id": item["e"],
        "object": "history_entry",
        "type": item["k"],
        "object_version": item["v"],
        "principal": item["pn"],
        "created_at": to_rfc3339(cast("int", item["t"])),
        "data": _snapshot(item, str(item["pk"]).rpartition("#")[2]),
    }


def event(item: Item) -> dict[str, Any]:
    """Return an event as callers see it; `data` is the object as it was left."""
    EVENT.require(item)
    return {
        "id": item["sk"],
        "object": "event",
        "type": item["k"],
        "object_id": item["o"],
        "object_version": item["v"],
        "created_at": to_rfc3339(cast("int", item["t"])),
        "data": _snapshot(item, str(item["o"])),
    }


def _snapshot(item: Item, identifier: str) -> Any:
    """Find the object in what the commit left; a payment that was refunded is not in the refund's commit."""
    return picture(orjson.loads(inflate(cast("bytes", item["b"]))), identifier)
