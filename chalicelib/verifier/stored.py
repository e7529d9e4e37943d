"""Everything a tenant has stored, read from the partitions where it can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.kernel.ids import SHARDS
from chalicelib.ledger.chart import is_account_id
from chalicelib.store.keys import (
    StateKind,
    balance_partition,
    clock_key,
    due_partition,
    line_partition,
    owned_partition,
    reference_partition,
    state_partition,
)
from chalicelib.store.port import Dynamo, Item, Key
from chalicelib.store.read import everything

STATES: Final[tuple[StateKind, ...]] = ("account", "payment", "refund", "transfer")
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
    return list(everything(dynamo, "ledger", line_partition(tenant, account, number)))


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
