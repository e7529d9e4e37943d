"""Reading the ledger: one object, one balance, or a page merged from the shards."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final, cast

from chalicelib.kernel.ids import SHARDS
from chalicelib.kernel.page import Page, Window
from chalicelib.ledger.chart import has_floor
from chalicelib.store.keys import (
    StateKind,
    balance_key,
    history_partition,
    owned_partition,
    state_key,
    state_partition,
    state_table,
)
from chalicelib.store.port import Dynamo, Item, Table
from chalicelib.store.schema import BALANCE

PAGE: Final = 500
"""Items of one page where all of a partition is read."""


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money in minor units, summed over its slices.

    `spendable_minor` is what a debit may take, for accounts with a floor: available, and the overdraft limit.
    """

    posted_minor: int
    held_minor: int
    spendable_minor: int | None = None

    @property
    def available_minor(self) -> int:
        """What is posted and not set aside; below zero where an overdraft is used."""
        return self.posted_minor - self.held_minor


def load(dynamo: Dynamo, tenant: str, kind: StateKind, identifier: str) -> Item | None:
    """Return the state of one object as of now, or None (consistent read, 1 read unit)."""
    return dynamo.get(state_key(tenant, kind, identifier))


def balance(dynamo: Dynamo, tenant: str, account: str, slices: int) -> Balance:
    """Return the balance of an account that exists and has so many slices (1 read unit each).

    Each slice is read consistently; a sum over several slices is read-committed, as one movement may fall
    between two reads.
    """
    items = [dynamo.get(balance_key(tenant, account, number)) for number in range(slices)]
    posted_minor = sum(_number(item, "p") for item in items)
    held_minor = sum(_number(item, "h") for item in items)
    # Where there is a floor, what can be spent is stored: conditions need it as one number.
    return Balance(posted_minor, held_minor, _number(items[0], "f") if has_floor(account) else None)


def page(dynamo: Dynamo, tenant: str, kind: StateKind, window: Window) -> Page[Item]:
    """Return a page of all objects of a kind: one query per shard, merged by id, which is by time."""
    return _merge(dynamo, state_table(kind), [state_partition(tenant, kind, shard) for shard in SHARDS], window)


def page_before(dynamo: Dynamo, tenant: str, kind: StateKind, window: Window, limit_id: str) -> Page[Item]:
    """Return a page of the objects whose ids sort before `limit_id`, as if there were no others."""
    partitions = [state_partition(tenant, kind, shard) for shard in SHARDS]
    return _merge(dynamo, state_table(kind), partitions, window, limit_id)


def history_page(dynamo: Dynamo, tenant: str, identifier: str, window: Window) -> Page[Item]:
    """Return a page of what happened to one object, newest first; the cursors are sort keys."""
    return _merge(dynamo, "projections", [history_partition(tenant, identifier)], window)


def owned_page(dynamo: Dynamo, tenant: str, principal: str, window: Window) -> Page[Item]:
    """Return a page of the lines that say which accounts a principal owns."""
    return _merge(dynamo, "ledger", [owned_partition(tenant, principal)], window)


def everything(dynamo: Dynamo, table: Table, partition: str, *, before: str | None = None) -> Iterator[Item]:
    """Read a whole partition up to a sort key, oldest first, page by page (consistent)."""
    after: str | None = None
    while True:
        page = dynamo.query(
            table, partition, limit=PAGE, after=after, before=before, newest_first=False, consistent=True
        )
        yield from page
        if len(page) < PAGE:
            return
        after = cast("str", page[-1]["sk"])


def _merge(
    dynamo: Dynamo, table: Table, partitions: list[str], window: Window, limit_id: str | None = None
) -> Page[Item]:
    """Ask every partition for one more than the limit: whatever the shards hold, that shows if there is more."""
    backwards = window.ending_before is not None
    before = min((bound for bound in (window.starting_after, limit_id) if bound is not None), default=None)
    rows = [
        dynamo.query(
            table,
            partition,
            limit=window.limit + 1,
            after=window.ending_before,
            before=before,
            newest_first=not backwards,
        )
        for partition in partitions
    ]
    ordered = merge(*rows, key=_sort_key, reverse=not backwards)
    found = list(islice(ordered, window.limit + 1))
    kept = found[: window.limit]
    return Page(tuple(reversed(kept) if backwards else kept), has_more=len(found) > window.limit)


def _sort_key(item: Item) -> str:
    return cast("str", item["sk"])


def _number(item: Item | None, name: str) -> int:
    assert item is not None, "an account without its balance items cannot be made"
    BALANCE.require(item)
    return cast("int", item.get(name, 0))
