"""The books, checked from what is stored: every balance is the sum of the legs of the commit records."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import cast

from chalicelib.ledger.chart import has_floor
from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import read_legs
from chalicelib.store.keys import balance_key, state_key
from chalicelib.store.port import Item, Key


def audit(items: Mapping[Key, Item]) -> None:
    """Assert the ledger's invariants: they hold after every request, whatever happened to it."""
    legs = _legs(items)
    totals: Counter[tuple[str, str]] = Counter()
    for key, item in items.items():
        if key.table != "ledger" or "#balance#" not in key.pk:
            continue
        _check(key, item, legs.pop(key, []), _limit_minor(items, key))
        totals[key.pk.partition("#")[0], cast("str", item["c"])] += cast("int", item["p"])
    assert not legs, f"legs on balances that do not exist: {legs}"
    assert not any(totals.values()), f"money appeared or vanished: {totals}"


def _legs(items: Mapping[Key, Item]) -> dict[Key, list[Leg]]:
    found: dict[Key, list[Leg]] = defaultdict(list)
    for key, item in items.items():
        if key.table != "commits":
            continue
        tenant = key.pk.partition("#")[0]
        for leg in read_legs(item):
            found[balance_key(tenant, leg.account, leg.slice_number)].append(leg)
    return found


def _limit_minor(items: Mapping[Key, Item], balance: Key) -> int:
    tenant, account = balance.pk.partition("#")[0], balance.sk.partition("/")[0]
    return cast("int", items[state_key(tenant, "account", account)].get("ol", 0))


def _check(key: Key, item: Item, legs: list[Leg], limit_minor: int) -> None:
    account = key.sk.partition("/")[0]
    posted_minor, held_minor = cast("int", item["p"]), cast("int", item["h"])
    assert posted_minor == sum(leg.posted_minor for leg in legs), f"{key.sk} is not the sum of its entries"
    assert held_minor == sum(leg.held_minor for leg in legs), f"{key.sk} holds something else than its entries"
    assert item["q"] == len(legs), f"{key.sk} has a gap in its sequence"
    assert all(leg.currency == item["c"] for leg in legs), f"{key.sk} mixes currencies"
    assert held_minor >= 0, f"{key.sk} holds less than nothing"
    if has_floor(account):
        assert item["f"] == posted_minor - held_minor + limit_minor, f"{key.sk} does not know what it can spend"
        assert item["f"] >= 0, f"{key.sk} is overdrawn"
    else:
        assert "f" not in item, f"{key.sk} has no floor"
        assert posted_minor >= -cast("int", item.get("nl", float("inf"))), f"{key.sk} is beyond its limit"
