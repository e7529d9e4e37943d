"""Bugs to be planted in what is made of the streams: statements, histories and events, and in how they are read."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from chalicelib.accounts.statement import Statement
from chalicelib.events.horizon import horizon_id
from chalicelib.store.commit import read_audit
from chalicelib.store.port import Cancelled, OutcomeUnknown
from tests.simulator.planting import Bug, all_of, replacing, setting

PROJECTIONS: Final = "chalicelib.projections"


def _everywhere(name: str, change: Any) -> Any:
    """Replace a function of the projections in each module that has it."""
    return all_of(*[replacing(f"{PROJECTIONS}.{module}.{name}", change) for module in ("batch", "history")])


def _swallowing(*troubles: type[Exception]) -> Any:
    def change(intact: Any) -> Any:
        def write(*writes: Any) -> None:
            try:
                intact(*writes)
            except troubles:
                return

        return write

    return change


def _next_is_named(intact: Any) -> Any:
    def project(bench: Any, changes: Any) -> Any:
        failed = intact(bench, changes)
        later = changes[changes.index(failed) + 1 :] if failed else []
        return later[0] if later else None

    return project


def _without_absent(intact: Any) -> Any:
    def steps(*told: Any) -> Iterator[Any]:
        for step, event in intact(*told):
            yield replace(step, when=()), event

    return steps


def _one_after_the_other(intact: Any) -> Any:
    def write(dynamo: Any, pair: Any) -> None:
        for one in pair:
            intact(dynamo, [one])

    return write


class _Then:
    """A clock that has stopped when a commit was made."""

    def __init__(self, record: Any) -> None:
        self._at = read_audit(record).at

    def now_at(self) -> int:
        return self._at


def _numbered_by_commits(intact: Any) -> Any:
    return lambda _, chance, change: intact(_Then(change.new), chance, change)


def _dated_as_committed(intact: Any) -> Any:
    return lambda entry, record, _: intact(entry, record, 0)


def _before_the_entry(intact: Any) -> Any:
    def line(entry: Any, record: Any, earliest_at: int) -> Any:
        made = intact(entry, record, earliest_at)
        return replace(made, balance_held_minor=made.balance_held_minor - made.held_minor)

    return line


PROJECTION_BUGS: Final = (
    Bug(
        "a batch is done if some of it was there",
        replacing(f"{PROJECTIONS}.batch._write_together", _swallowing(Cancelled)),
    ),
    Bug(
        "a failed record is not named",
        replacing(f"{PROJECTIONS}.entrypoint.project_changes", lambda intact: lambda *told: intact(*told) and None),
    ),
    Bug(
        "the record after the failed one is named",
        replacing(f"{PROJECTIONS}.entrypoint.project_changes", _next_is_named),
    ),
    Bug("a conflict taken for a record that was there", _everywhere("write_once", _swallowing(Cancelled))),
    Bug("an unknown outcome of a projection taken for done", _everywhere("write_once", _swallowing(OutcomeUnknown))),
    Bug("a step written without Absent", _everywhere("steps_of", _without_absent)),
    Bug(
        "a step and its event written one after the other",
        all_of(
            replacing(f"{PROJECTIONS}.batch._written_together", lambda _: lambda *_: False),
            replacing(f"{PROJECTIONS}.history.write_once", _one_after_the_other),
        ),
    ),
    Bug(
        "only the first event of a commit",
        replacing(f"{PROJECTIONS}.history.rows_of", lambda intact: lambda change: intact(change)[:1]),
    ),
    Bug(
        "a change of settings taken for an entry",
        replacing(f"{PROJECTIONS}.batch.is_entry", lambda _: lambda change: change.new is not None),
    ),
    Bug(
        "the lines of all slices in one place",
        replacing(
            f"{PROJECTIONS}.lines.line_key",
            lambda key: lambda tenant, account, _, sequence: key(tenant, account, 0, sequence),
        ),
    ),
    Bug("lines dated as their commits", replacing(f"{PROJECTIONS}.lines._line", _dated_as_committed)),
    Bug("the balance before the entry on its line", replacing(f"{PROJECTIONS}.lines._line", _before_the_entry)),
    Bug("events numbered by their commits' instants", _everywhere("steps_of", _numbered_by_commits)),
    Bug("events shown at once", replacing("chalicelib.events.horizon.HORIZON_SECONDS", lambda _: 0)),
    Bug(
        "each page of events has its own horizon",
        replacing("chalicelib.events.list._limit_id", lambda _: lambda call, _: horizon_id(call.bench.clock)),
    ),
    Bug(
        "a cursor's sequence taken for that of every slice",
        setting(Statement, "_edge", lambda _, __, place: place[2]),
    ),
)
