"""All commits of a tenant, in the order of their instants."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import orjson

from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import Event, is_whole, picture, read_events, read_legs, read_snapshot
from chalicelib.store.keys import commit_partitions
from chalicelib.store.port import Dynamo, Item
from chalicelib.store.read import everything
from chalicelib.store.stream import Changed

Slice = tuple[str, int]
"""An account and the number of one of its slices."""


@dataclass(frozen=True)
class Entry:
    """One commit record, decoded where it can be."""

    item: Item

    @property
    def key(self) -> str:
        """The commit's key."""
        return cast("str", self.item["sk"])

    @property
    def at(self) -> int:
        """When it was made, in ms since the epoch."""
        return cast("int", self.item["t"])

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """The journal entry."""
        return read_legs(self.item)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What happened to which object."""
        return read_events(self.item)

    @cached_property
    def snapshot(self) -> Mapping[str, Any]:
        """What the commit left: an object, or several in a list."""
        left: Mapping[str, Any] = orjson.loads(read_snapshot(self.item))
        return left

    def left(self, identifier: str) -> Mapping[str, Any] | None:
        """Return one object as this commit left it, None if the commit does not hold it."""
        return picture(self.snapshot, identifier)


@dataclass(frozen=True)
class Journal:
    """The commits of one tenant, and the ways into them; what is damaged says nothing any more."""

    entries: tuple[Entry, ...]
    damaged: tuple[Item, ...] = ()

    @cached_property
    def by_object(self) -> dict[str, list[tuple[int, Entry]]]:
        """The versions of every object and the commits that made them, in order."""
        found: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
        for entry in self.entries:
            for event in entry.events:
                found[event.object_id].append((event.version, entry))
        return {name: sorted(steps, key=lambda step: step[0]) for name, steps in found.items()}

    @cached_property
    def by_slice(self) -> dict[Slice, list[tuple[Leg, Entry]]]:
        """The legs on every slice, by instant; credits first where instants are the same."""
        found: dict[Slice, list[tuple[Leg, Entry]]] = defaultdict(list)
        for entry in self.entries:
            for leg in entry.legs:
                found[leg.account, leg.slice_number].append((leg, entry))
        for legs in found.values():
            legs.sort(key=lambda pair: (pair[1].at, -pair[0].spendable_minor, pair[1].key))
        return dict(found)


def as_new(entry: Entry) -> Changed:
    """Return a commit record as its stream brought it."""
    return Changed("INSERT", str(entry.item["pk"]), entry.key, None, entry.item, "")


def read_journal(dynamo: Dynamo, tenant: str) -> Journal:
    """Read all commits of a tenant (a consistent query per page of each of 256 partitions)."""
    items = [item for partition in commit_partitions(tenant) for item in everything(dynamo, "commits", partition)]
    whole = [Entry(item) for item in items if is_whole(item)]
    damaged = tuple(item for item in items if not is_whole(item))
    return Journal(tuple(sorted(whole, key=lambda entry: (entry.at, entry.key))), damaged)
