"""One commit as the tables show it, read from the transaction that made it: nobody is asked what it meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import read_legs
from chalicelib.store.port import Item, Key
from tests.simulator.database import Applied
from tests.simulator.finding import check

STATES: Final = frozenset({"account", "payment", "refund", "transfer"})

Pair = tuple[Item | None, Item | None]


@dataclass(frozen=True, slots=True)
class Commit:
    """Its record, its legs, and what it did to balances (by account and slice) and objects (by kind and id)."""

    key: Key
    record: Item
    legs: dict[tuple[str, int], Leg]
    balances: dict[tuple[str, int], Pair]
    states: dict[tuple[str, str], Pair]
    applied: Applied

    @property
    def tenant(self) -> str:
        return tenant_of(self.key)

    @property
    def operation(self) -> str:
        return cast("str", self.record["op"])

    @property
    def principal(self) -> str:
        return cast("str", self.record["pn"])

    def objects(self, *kinds: str) -> Iterator[tuple[str, Item | None, Item]]:
        """Give the objects of these kinds that it made or moved: kind, before, after."""
        for (kind, _), (before, after) in self.states.items():
            if kind in kinds and after is not None:
                yield kind, before, after


def read_commit(applied: Applied) -> Commit | None:
    """Return what a transaction did, None if it was no commit; raise a Finding where it cannot be one."""
    balances: dict[tuple[str, int], Pair] = {}
    states: dict[tuple[str, str], Pair] = {}
    records: list[Key] = []
    for key, after in applied.after.items():
        before, kind = applied.before[key], key.pk.split("#")[1] if "#" in key.pk else ""
        if key.table == "commits":
            check(before is None and after is not None, "a commit record was changed:", key.sk)
            records.append(key)
        elif kind == "balance":
            account, _, number = key.sk.partition("/")
            balances[account, int(number)] = (before, after)
        elif kind == "reference":
            check(before is None or after is None, "a reference was taken twice:", before, after)
        elif kind in STATES:
            states[kind, key.sk] = (before, after)
    check(len(records) == 1 or not (records or balances or states), "no commit, or several:", applied.after)
    if not records:
        return None
    check(len({tenant_of(key) for key in applied.after}) == 1, "a commit over two tenants:", list(applied.after))
    record = cast("Item", applied.after[records[0]])
    legs = {(leg.account, leg.slice_number): leg for leg in read_legs(record)}
    check(len(legs) == len(read_legs(record)), "two legs on one balance:", record["l"])
    return Commit(records[0], record, legs, balances, states, applied)


def number(item: Item | None, name: str) -> int:
    """Return a number of an item; what is not there counts as 0."""
    return cast("int", item.get(name, 0)) if item else 0


def text(item: Item, name: str) -> str:
    return cast("str", item[name])


def may_debit(balance: Item, principal: str) -> bool:
    """Tell whether a principal owns an account or holds its mandate, as its balance says."""
    return balance["o"] == principal or principal in cast("frozenset[str]", balance.get("m", frozenset()))


def tenant_of(key: Key) -> str:
    return key.pk.partition("#")[0]
