"""History and events: what a commit says has happened, once for the object and once for the tenant.

Both are written together, and the first condition is that the step is not there yet: a record that comes again
changes nothing. An event's id is drawn when it is written, not when it happened, so that a reader who stays behind the
present by more than a write can take meets every event in the order of ids and misses none.
"""

from collections.abc import Iterator
from typing import cast

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance, new_id
from chalicelib.projections.once import write_once
from chalicelib.projections.records import EVENT_PREFIX
from chalicelib.store.commit import read_audit
from chalicelib.store.keys import history_key, state_key
from chalicelib.store.port import Absent, Dynamo, Item, Put
from chalicelib.store.schema import COMMIT, EVENT
from chalicelib.store.stream import Changed

Rows = list[dict[str, str | int]]


def project_history(dynamo: Dynamo, clock: Clock, chance: Chance, change: Changed) -> None:
    """Write the steps and events of a new commit record that are not there yet."""
    for pair in steps_of(clock, chance, change):
        write_once(dynamo, pair)


def rows_of(change: Changed) -> Rows:
    """Return what a new commit record says has happened, in its order."""
    assert change.new is not None, "only new records are projected"
    COMMIT.require(change.new)
    return cast("Rows", change.new["ev"])


def steps_of(clock: Clock, chance: Chance, change: Changed) -> Iterator[tuple[Put, Put]]:
    """Make each step and its event of a new commit record; whoever takes one writes it at once."""
    record = change.new
    assert record is not None, "only new records are projected"
    for row in rows_of(change):
        name, identifier, version = str(row["k"]), str(row["o"]), int(row["v"])
        event_id = new_id(EVENT_PREFIX, clock.now_at(), chance)
        shared: Item = {**_shared(record), "k": name, "v": version}
        step = Put(history_key(change.tenant, identifier, version, name), {**shared, "e": event_id}, (Absent(),))
        yield step, Put(state_key(change.tenant, "event", event_id), {**shared, "o": identifier}, (Absent(),))


def _shared(record: Item) -> Item:
    made = read_audit(record)
    return {
        "lc": made.key,
        "t": made.at,
        "pn": made.principal,
        "b": record.get("r") or record["b"],
        "sc": EVENT.written,
    }
