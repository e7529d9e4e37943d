"""The statement line that an entry makes, worked out from the commits alone."""

from typing import Final

from chalicelib.ledger.entry import Leg
from chalicelib.projections.records import Line
from chalicelib.verifier.journal import Entry

START: Final = Line(0, 0, 0, 0, 0, 0, "", "", "", 0)
"""What stands before the first line."""


def next_line(before: Line, leg: Leg, entry: Entry) -> Line:
    """Return the line of a leg that comes after another line of the same slice."""
    return Line(
        slice_number=leg.slice_number,
        sequence=before.sequence + 1,
        posted_minor=leg.posted_minor,
        held_minor=leg.held_minor,
        balance_posted_minor=before.balance_posted_minor + leg.posted_minor,
        balance_held_minor=before.balance_held_minor + leg.held_minor,
        commit=entry.key,
        operation=str(entry.item["op"]),
        object_id=entry.events[0].object_id if entry.events else "",
        at=max(before.at, entry.at),
    )
