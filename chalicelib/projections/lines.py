"""Statement lines: each change of a balance's sequence becomes one line, whatever else happens to the item."""

from typing import cast

from chalicelib.projections.once import write_once
from chalicelib.projections.records import Line, line_attributes, read_line
from chalicelib.store.commit import read_audit
from chalicelib.store.keys import commit_key, line_key
from chalicelib.store.port import Absent, Dynamo, Item, Put
from chalicelib.store.stream import Changed


def project_line(dynamo: Dynamo, change: Changed) -> bool:
    """Write the line of a changed balance item; tell whether the line before it was there.

    A change without a new sequence (a limit, a status) is no entry. The running balance is the item's own, so a line
    is right even where the one before it is missing; the verifier fills such a gap from the commits.
    """
    old, new = change.old, change.new
    if new is None or _number(new, "q") == _number(old, "q"):
        return True
    account, _, slice_number = change.sk.partition("/")
    sequence = _number(new, "q")
    before = None
    if sequence > 1:
        before = dynamo.get(line_key(change.tenant, account, int(slice_number), sequence - 1))
    line = _line(dynamo, change, new, int(slice_number), before)
    put = Put(line_key(change.tenant, account, int(slice_number), sequence), line_attributes(line), (Absent(),))
    write_once(dynamo, [put])
    return sequence == 1 or before is not None


def _line(dynamo: Dynamo, change: Changed, new: Item, slice_number: int, before: Item | None) -> Line:
    record = dynamo.get(commit_key(change.tenant, cast("str", new["lc"])))
    assert record is not None, "a balance names a commit that does not exist"
    made = read_audit(record)
    earliest_at = read_line(before).at if before else 0
    return Line(
        slice_number=slice_number,
        sequence=_number(new, "q"),
        posted_minor=_number(new, "p") - _number(change.old, "p"),
        held_minor=_number(new, "h") - _number(change.old, "h"),
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
