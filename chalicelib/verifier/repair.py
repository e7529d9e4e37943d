"""Filling what is missing of statements, histories and events: what a stream has lost for good.

A line that others stand behind was passed over, and one older than a stream keeps its records cannot come any more.
Whatever else is missing is on its way. Only what is not there is written, and only where it fits: a slice whose lines
do not add up with what is filled in stays as it is, a break for somebody to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, islice
from typing import Final

from chalicelib.kernel.clock import DAY_SECONDS, SECOND_MS, Clock
from chalicelib.kernel.ids import Chance
from chalicelib.ledger.entry import Leg
from chalicelib.projections.history import project_history
from chalicelib.projections.once import write_once
from chalicelib.projections.records import Line, is_line, line_attributes, read_line
from chalicelib.store.keys import balance_key, line_key
from chalicelib.store.port import Absent, Dynamo, Put
from chalicelib.verifier.journal import Entry, Journal, Slice, as_new, read_journal
from chalicelib.verifier.lines import START, next_line
from chalicelib.verifier.stored import missing_steps, read_lines
from chalicelib.verifier.verify import LAG_SECONDS
from chalicelib.web.tenant_clock import tenant_now_at

REPAIRABLE: Final = frozenset({"line_gap", "line_missing", "step_missing"})
"""The breaks that may come from a lost record of a stream."""

STREAM_SECONDS: Final = DAY_SECONDS
"""How long a stream keeps its records. Source: DynamoDB developer guide, "Change data capture for DynamoDB Streams"."""


SPARE: Final = 8
MOST_TRIES: Final = 10_000

Legs = list[tuple[Leg, Entry]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """How many lines, and how many commits' steps and events, were filled in."""

    lines: int
    commits: int


def repair(dynamo: Dynamo, clock: Clock, chance: Chance, tenant: str, *, lag_seconds: int = LAG_SECONDS) -> Repaired:
    """Fill in what is missing of one tenant's projections and older than `lag_seconds`."""
    now_at = tenant_now_at(dynamo, clock, tenant)
    journal = read_journal(dynamo, tenant)
    lines = 0
    for place in journal.by_slice:
        for line in _missing_lines(dynamo, tenant, journal, place, now_at - STREAM_SECONDS * SECOND_MS):
            key = line_key(tenant, *place, line.sequence)
            write_once(dynamo, [Put(key, line_attributes(line), (Absent(),))])
            lines += 1
    commits = missing_steps(dynamo, tenant, journal, now_at - lag_seconds * SECOND_MS)
    for entry in commits:
        project_history(dynamo, clock, chance, as_new(entry))
    return Repaired(lines, len(commits))


def _missing_lines(dynamo: Dynamo, tenant: str, journal: Journal, place: Slice, lost_at: int) -> list[Line]:
    balance = dynamo.get(balance_key(tenant, *place))
    items = read_lines(dynamo, tenant, *place)
    if balance is None or not all(is_line(item) for item in items):
        return []
    there = [read_line(item) for item in items]
    commits = {line.commit for line in there}
    unwritten = [(leg, entry) for leg, entry in journal.by_slice[place] if entry.key not in commits]
    filled, newest = _gaps(there, unwritten)
    if newest.sequence + len(unwritten) == balance["q"] and all(entry.at <= lost_at for _, entry in unwritten):
        unwritten.sort(key=lambda pair: pair[1].key == balance["lc"])
        filled += _lines_after(newest, unwritten)
    return filled


def _gaps(there: Sequence[Line], unwritten: Legs) -> tuple[list[Line], Line]:
    """Fill the gaps, taking away from `unwritten`; nothing at all where something does not add up."""
    filled: list[Line] = []
    before = START
    for line in there:
        missing = line.sequence - before.sequence - 1
        fitting = _fitting(before, line, unwritten, missing)
        if fitting is None:
            return [], START
        if fitting:
            filled += _lines_after(before, fitting)
            unwritten[:] = [pair for pair in unwritten if pair not in fitting]
        before = line
    return filled, before


def _fitting(before: Line, after: Line, unwritten: Legs, count: int) -> Legs | None:
    """Return the oldest that lead from one line to the other; entries of one instant may have come in any order."""
    posted_minor = after.balance_posted_minor - after.posted_minor - before.balance_posted_minor
    held_minor = after.balance_held_minor - after.held_minor - before.balance_held_minor
    tries = combinations(unwritten[: count + SPARE], count)
    for chosen in islice(tries, MOST_TRIES):
        legs = [leg for leg, _ in chosen]
        if sum(leg.posted_minor for leg in legs) == posted_minor and sum(leg.held_minor for leg in legs) == held_minor:
            return list(chosen)
    return None


def _lines_after(before: Line, legs: Legs) -> list[Line]:
    lines = accumulate(legs, lambda line, pair: next_line(line, *pair), initial=before)
    return list(lines)[1:]
