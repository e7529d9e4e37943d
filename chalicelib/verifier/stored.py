"""Everything a tenant has stored, read from the partitions where it can be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.kernel.ids import SHARDS
from chalicelib.ledger.chart import is_account_id
from chalicelib.store.keys import (
    StateKind,
    balance_partition,
    clock_key,
    due_partition,
    history_key,
    line_partition,
    owned_partition,
    reference_partition,
    state_partition,
)
from chalicelib.store.port import Dynamo, Item, Key
from chalicelib.store.read import everything
from chalicelib.verifier.journal import Entry, Journal

STATES: Final[tuple[StateKind, ...]] = ("account", "payment", "refund", "transfer")
STEPS_AT_ONCE: Final = 200
"""Commits whose steps are looked for together: as much as a function can well have in its memory."""

DUE: Final[tuple[StateKind, ...]] = ("payment", "transfer")


@dataclass(frozen=True)
class Stored:
    """States with what belongs to them, and balances, as they were read."""

    states: dict[Key, Item]
    beside: dict[Key, Item]
    balances: dict[Key, Item]


def read_stored(dynamo: Dynamo, tenant: str) -> Stored:
    """Read states, balances, owners' lines, references, reminders and the test clock of a tenant."""
    states = {
        key: item
        for kind in STATES
        for shard in SHARDS
        for key, item in _partition(dynamo, state_partition(tenant, kind, shard))
    }
    balances = {key: item for shard in SHARDS for key, item in _partition(dynamo, balance_partition(tenant, shard))}
    return Stored(states, dict(_beside(dynamo, tenant, states)), balances)


def read_lines(dynamo: Dynamo, tenant: str, account: str, number: int) -> list[Item]:
    """Read all lines of one slice, oldest first."""
    return list(everything(dynamo, "projections", line_partition(tenant, account, number)))


def missing_steps(dynamo: Dynamo, tenant: str, journal: Journal, watermark_at: int) -> list[Entry]:
    """Return the commits, made by then, of which a step is missing in the history of an object."""
    due = [entry for entry in journal.entries if entry.at <= watermark_at]
    return [
        entry
        for start in range(0, len(due), STEPS_AT_ONCE)
        for entry in _without_steps(dynamo, tenant, due[start : start + STEPS_AT_ONCE])
    ]


def _without_steps(dynamo: Dynamo, tenant: str, entries: Sequence[Entry]) -> list[Entry]:
    steps = {
        entry.key: [history_key(tenant, one.object_id, one.version, one.name) for one in entry.events]
        for entry in entries
    }
    found = dynamo.get_many([key for keys in steps.values() for key in keys])
    return [entry for entry in entries if any(key not in found for key in steps[entry.key])]


def _beside(dynamo: Dynamo, tenant: str, states: dict[Key, Item]) -> Iterator[tuple[Key, Item]]:
    for kind in DUE:
        for shard in SHARDS:
            yield from _partition(dynamo, due_partition(tenant, kind, shard))
    accounts = {key.sk: cast("str", item.get("o", "")) for key, item in states.items() if is_account_id(key.sk)}
    for owner in sorted(set(accounts.values())):
        yield from _partition(dynamo, owned_partition(tenant, owner))
    for account in sorted(accounts):
        yield from _partition(dynamo, reference_partition(tenant, account))
    clock = dynamo.get(clock_key(tenant))
    if clock is not None:
        yield clock_key(tenant), clock


def _partition(dynamo: Dynamo, partition: str) -> Iterator[tuple[Key, Item]]:
    for item in everything(dynamo, "ledger", partition):
        yield Key("ledger", partition, cast("str", item["sk"])), item
