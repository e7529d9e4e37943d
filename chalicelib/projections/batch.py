r"""A batch of stream records: written together where none of them has come before, and one by one where one has.

records --> groups that fit into one write --written--> next group
\--one is there already, or trouble--> one record at a time, until one fails
"""

from collections.abc import Iterator, Sequence
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.projections.history import project_history, rows_of, steps_of
from chalicelib.projections.lines import NextLine, is_entry, next_lines
from chalicelib.projections.once import write_new, write_once
from chalicelib.store.port import MAX_WRITES, Cancelled, Key, OutcomeUnknown, Throttled, Unreachable, Write
from chalicelib.store.sizes import item_bytes
from chalicelib.store.stream import Changed
from chalicelib.web.call import Bench

logger = Logger(service="tollgate")

GROUP_BYTES: Final = 1024 * 1024
"""A quarter of what one write may have; what is written is about what has been read."""

COMMITS_CHANGED: Final = "CommitsChanged"

_TROUBLE = (Cancelled, Throttled, Unreachable, OutcomeUnknown)


def project_changes(bench: Bench, changes: Sequence[Changed]) -> Changed | None:
    """Project changes in their order; return the first that could not be, with which all that follow come again."""
    _tell_changed(bench, [change for change in changes if is_changed_commit(change)])
    for group in _groups([change for change in changes if _is_projected(change)]):
        if not _written_together(bench, group) and (failed := _one_by_one(bench, group)):
            return failed
    return None


def _written_together(bench: Bench, group: Sequence[Changed]) -> bool:
    """Tell whether all of a group is written; one change alone may be too much for a single write."""
    if len(group) == 1:
        return False
    try:
        _write_together(bench, group)
    except _TROUBLE:
        return False
    return True


def _is_projected(change: Changed) -> bool:
    return change.name == "INSERT" if change.kind == "commit" else change.kind == "balance" and is_entry(change)


def is_changed_commit(change: Changed) -> bool:
    """Tell whether a commit record was changed or removed.

    A put of what is there already changes nothing, and one local engine (dynoxide) tells it as a MODIFY.
    """
    same = change.old is not None and change.old == change.new
    return change.kind == "commit" and change.name != "INSERT" and not same


def _tell_changed(bench: Bench, changed: Sequence[Changed]) -> None:
    """Nobody may do this: the audit trail is no longer one. The alarm hangs on the metric; the log names the key."""
    for change in changed:
        logger.critical("a commit record was changed", item=f"{change.pk} {change.sk}", change=change.name)
    if changed:
        bench.metrics.count(COMMITS_CHANGED, len(changed), bench.clock.now_at())


def _groups(changes: Sequence[Changed]) -> Iterator[list[Changed]]:
    """Cut where another change would be too much for one write."""
    group: list[Changed] = []
    writes = size_bytes = 0
    for change in changes:
        more, more_bytes = _weight(change)
        if group and (writes + more > MAX_WRITES or size_bytes + more_bytes > GROUP_BYTES):
            yield group
            group, writes, size_bytes = [], 0, 0
        group.append(change)
        writes, size_bytes = writes + more, size_bytes + more_bytes
    if group:
        yield group


def _weight(change: Changed) -> tuple[int, int]:
    """Writes, and bytes at the most; a commit is copied into each of its steps and events."""
    assert change.new is not None
    writes = 2 * len(rows_of(change)) if change.kind == "commit" else 1
    return writes, writes * item_bytes(change.new)


def _write_together(bench: Bench, group: Sequence[Changed]) -> None:
    """Write all of a group at once; raise Cancelled where some of it is there already."""
    lines = next_lines(bench.dynamo, [change for change in group if change.kind == "balance"])
    writes: dict[Key, Write] = {line.put.key: line.put for line in lines}
    for change in group:
        for step, event in steps_of(bench.clock, bench.chance, change) if change.kind == "commit" else ():
            if step.key not in writes:  # a record may come twice in one batch
                writes |= {step.key: step, event.key: event}
    write_new(bench.dynamo, list(writes.values()))
    _tell_gaps(lines)


def _one_by_one(bench: Bench, group: Sequence[Changed]) -> Changed | None:
    for change in group:
        try:
            _write_one(bench, change)
        except _TROUBLE as trouble:
            logger.warning("not projected", number=change.number, trouble=type(trouble).__name__)
            return change
    return None


def _write_one(bench: Bench, change: Changed) -> None:
    if change.kind == "commit":
        project_history(bench.dynamo, bench.clock, bench.chance, change)
        return
    lines = next_lines(bench.dynamo, [change])
    write_once(bench.dynamo, [line.put for line in lines])
    _tell_gaps(lines)


def _tell_gaps(lines: Sequence[NextLine]) -> None:
    for line in lines:
        if line.gap:
            logger.error("a statement has a gap", item=f"{line.put.key.pk} {line.put.key.sk}")
