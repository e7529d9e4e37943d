"""Rebuilding a tenant from its commits alone: states, balances, statements, history and events, into empty tables.

The commits do not know in which order the entries of one balance were made, only when: entries are numbered by instant,
credits first within a millisecond. Every balance, every sequence and every state is what it was; two entries of one
slice that were made within the drift of two clocks may have changed places on the statement.

Nothing is overwritten: what is there already must be equal, so that a rebuild that was interrupted can be run again.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance
from chalicelib.ledger.chart import is_account_id
from chalicelib.projections.history import project_history
from chalicelib.projections.records import line_attributes
from chalicelib.store.keys import line_key
from chalicelib.store.port import Absent, Cancelled, Dynamo, Item, Key, Put
from chalicelib.verifier.breaks import differences
from chalicelib.verifier.expected import account_of, balance_items, object_items
from chalicelib.verifier.journal import Journal, Slice, as_new, read_journal
from chalicelib.verifier.lines import START, next_line

WRITE_SECONDS: Final = 10.0
AT_ONCE: Final = 50


class NotEmpty(Exception):
    """An item is there already and is not what the commits say; nothing was changed."""


class DamagedCommits(Exception):
    """Some commit records are not as they were written: what they said cannot be restored. Nothing was changed."""


def rebuild(source: Dynamo, target: Dynamo, clock: Clock, chance: Chance, tenant: str) -> int:
    """Write everything that the commits of `source` say into `target`; return how many items there are.

    Raises DamagedCommits, and NotEmpty where the target holds something else.
    """
    journal = read_journal(source, tenant)
    if journal.damaged:
        raise DamagedCommits(", ".join(sorted(str(item["sk"]) for item in journal.damaged)))
    items = everything_expected(tenant, journal)
    keys = list(items)
    for start in range(0, len(keys), AT_ONCE):
        _write(target, {key: items[key] for key in keys[start : start + AT_ONCE]})
    for entry in journal.entries:
        project_history(target, clock, chance, as_new(entry))
    return len(items)


def everything_expected(tenant: str, journal: Journal) -> dict[Key, Item]:
    """Return every state, balance and line that the commits stand for."""
    items: dict[Key, Item] = {}
    for identifier in journal.by_object:
        items |= object_items(tenant, journal, identifier)
        if is_account_id(identifier):
            items |= balance_items(tenant, journal, account_of(journal, identifier))
    for place in journal.by_slice:
        items |= dict(_lines(tenant, journal, place))
    return items


def _lines(tenant: str, journal: Journal, place: Slice) -> Iterator[tuple[Key, Item]]:
    before = START
    for leg, entry in journal.by_slice[place]:
        before = next_line(before, leg, entry)
        yield line_key(tenant, *place, before.sequence), line_attributes(before)


def _write(target: Dynamo, items: Mapping[Key, Item]) -> None:
    try:
        target.transact([Put(key, item, (Absent(),)) for key, item in items.items()], timeout_seconds=WRITE_SECONDS)
    except Cancelled:
        for key, item in items.items():
            _write_one(target, key, item)


def _write_one(target: Dynamo, key: Key, item: Item) -> None:
    there = target.get(key)
    if there is None:
        target.transact([Put(key, item, (Absent(),))], timeout_seconds=WRITE_SECONDS)
    elif wrong := differences(there, item):
        raise NotEmpty(f"{key.pk} {key.sk}: {wrong}")
