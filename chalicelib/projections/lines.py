"""Statement lines: each change of a balance's sequence becomes one line, whatever else happens to the item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from chalicelib.projections.records import Line, line_attributes, read_line
from chalicelib.store.commit import read_audit
from chalicelib.store.keys import commit_key, line_key
from chalicelib.store.port import Absent, Dynamo, Item, Key, Put
from chalicelib.store.schema import BALANCE
from chalicelib.store.stream import Changed


@dataclass(frozen=True, slots=True)
class NextLine:
    """A line to be written; `gap` if the one before it is missing."""

    line: Line
    put: Put
    gap: bool


def is_entry(change: Changed) -> bool:
    """Tell whether a change of a balance item is an entry: a limit or a status moves no sequence."""
    if change.new is None:
        return False
    BALANCE.require(change.new)
    return _number(change.new, "q") != _number(change.old, "q")


def next_lines(dynamo: Dynamo, entries: Sequence[Changed]) -> list[NextLine]:
    """Make the lines of some entries; one may follow another of them, the others follow what is stored.

    The running balance is the item's own, so a line is right even where the one before it is missing; the verifier
    fills such a gap from the commits.
    """
    known = _read(dynamo, entries)
    made: dict[Key, NextLine] = {}
    for entry in entries:
        before = _place(entry, -1)
        earlier = made[before].line if before in made else read_line(known[before]) if before in known else None
        line = _line(entry, known[_commit(entry)], earlier.at if earlier else 0)
        put = Put(_place(entry), line_attributes(line), (Absent(),))
        made[put.key] = NextLine(line, put, gap=earlier is None and line.sequence > 1)
    return list(made.values())


def _read(dynamo: Dynamo, entries: Sequence[Changed]) -> Mapping[Key, Item]:
    """Read the commits of some entries, and the lines that stand before them."""
    here = {_place(entry) for entry in entries}
    before = {_place(entry, -1) for entry in entries if _number(entry.new, "q") > 1}
    return dynamo.get_many({_commit(entry) for entry in entries} | (before - here))


def _commit(entry: Changed) -> Key:
    return commit_key(entry.tenant, str(cast("Item", entry.new)["lc"]))


def _place(entry: Changed, further: int = 0) -> Key:
    account, _, slice_number = entry.sk.partition("/")
    return line_key(entry.tenant, account, int(slice_number), _number(entry.new, "q") + further)


def _line(entry: Changed, record: Item, earliest_at: int) -> Line:
    made = read_audit(record)
    new = cast("Item", entry.new)
    return Line(
        slice_number=int(entry.sk.partition("/")[2]),
        sequence=_number(new, "q"),
        posted_minor=_number(new, "p") - _number(entry.old, "p"),
        held_minor=_number(new, "h") - _number(entry.old, "h"),
        balance_posted_minor=_number(new, "p"),
        balance_held_minor=_number(new, "h"),
        commit=made.key,
        operation=made.operation,
        object_id=made.object_id,
        # Two commits may be made in one order and dated in another; a statement goes forward in time.
        at=max(made.at, earliest_at),
    )


def _number(item: Item | None, name: str) -> int:
    return cast("int", item.get(name, 0)) if item else 0
