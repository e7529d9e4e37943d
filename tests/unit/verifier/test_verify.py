"""The verifier is content with a true ledger, also a busy one, and finds whatever somebody has tampered with."""

from collections.abc import Callable, Mapping
from random import Random

import pytest

from chalicelib.store.keys import state_key
from chalicelib.store.port import Item, Key, Value
from chalicelib.verifier.verify import Report, verify
from tests.doubles.lived import lived
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.small_ledger import OPERATOR, TENANT, SmallLedger
from tests.doubles.statements import Projected
from tests.doubles.streamed_dynamo import StreamedDynamo

NOT_OF_THE_LEDGER = ("clients",)
OPENED = {"kind": "merchant", "currency": "USD", "slices": 2}
PROJECTED_AWAY = ("#history#", "#event#")
"""Pictures for readers: they are made anew from the commits, and nothing is decided from them."""


def _verify(world: Projected, store: MemoryDynamo | None = None, lag_seconds: int = 0) -> Report:
    return verify(store or world.streamed, world.ledger.clock, TENANT, lag_seconds=lag_seconds)


@pytest.mark.parametrize("seed", range(5))
def test_a_true_ledger(seed: int) -> None:
    world = lived(seed)
    report = _verify(world)
    assert report.breaks == ()
    assert report.commits == len([r for r in world.ledger.records() if str(r["pk"]).startswith(f"{TENANT}#")])
    assert report.balances == 1 + 1 + 4 + 4 + len([k for k in world.streamed.items if "#balance#" in k.pk]) - 10


def test_slices_that_were_added_and_not_used_yet() -> None:
    world = lived(3)
    shop = world.ledger.made(world.ledger.post(OPERATOR, "/v1/accounts", OPENED))
    world.ledger.patch(OPERATOR, f"/v1/accounts/{shop}", {"slices": 4})
    world.catch_up()
    assert _verify(world).breaks == ()


def test_an_item_is_compared_in_its_own_shape() -> None:
    """A transfer of the first shape says neither what was posted of it nor what was reversed."""
    world = lived(3)
    transfer = SmallLedger.made(world.ledger.transfer(amount=1))
    world.catch_up()
    key, item = state_key(TENANT, "transfer", transfer), world.ledger.state("transfer", transfer)
    first = {name: value for name, value in item.items() if name not in {"ap", "ar"}} | {"sc": 1}
    for stored, found in ((first, set()), ({**item, "sc": 1}, {"item_wrong"}), ({**item, "sc": 9}, {"item_wrong"})):
        world.streamed.items[key] = stored
        assert {one.code for one in _verify(world).breaks} == found, stored


def test_statements_that_lag_are_no_break() -> None:
    world = lived(1)
    world.ledger.pay(amount=1)
    world.ledger.transfer(amount=1)
    assert _verify(world, lag_seconds=60).breaks == ()
    world.ledger.clock.move(61)
    assert {one.code for one in _verify(world, lag_seconds=60).breaks} == {"line_missing", "step_missing"}
    world.catch_up()
    assert _verify(world).breaks == ()


def test_a_ledger_that_moves_while_it_is_read() -> None:
    """Payments, captures and refunds happen between any two of the verifier's reads."""
    world = lived(2)
    moving = _Moving(world)
    report = verify(moving, world.ledger.clock, TENANT, lag_seconds=60)
    assert moving.moved > 20
    assert report.breaks == ()


class _Moving(StreamedDynamo):
    """The world's store, in which something happens now and then before a query."""

    def __init__(self, world: Projected) -> None:
        super().__init__()
        self.items = world.streamed.items
        self.world, self.moved, self._busy = world, 0, False

    def query(self, *args: object, **more: object) -> list[Item]:
        if self.moved < 40 and not self._busy:
            self._busy, self.moved = True, self.moved + 1
            payment = self.world.ledger.authorize(amount=3)
            self.world.ledger.step(payment, "capture", amount=1, final=self.moved % 2 == 0)
            self.world.ledger.refund(payment, amount=1)
            self.world.ledger.transfer(amount=1)
            if self.moved % 5 == 0:
                self.world.catch_up()
            self._busy = False
        return super().query(*args, **more)  # type: ignore[arg-type]


def _other(value: Value, chance: Random) -> Value:
    """Return a value that is not this one."""
    match value:
        case bool():
            return not value
        case int():
            return value + chance.choice([-1, 1, 100])
        case str():
            return value + "x"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"x"
        case list():
            return value[:-1] if value else ["x"]
        case dict():
            return {**value, "tampered": 1}
        case frozenset():
            return value | {"prn_tampered"}
    return 1


def _change(items: dict[Key, Item], key: Key, chance: Random) -> str:
    names = sorted(items[key].keys() - {"pk", "sk"})
    name = chance.choice(names)
    items[key] = {**items[key], name: _other(items[key][name], chance)}
    return f"changed {name}"


def _remove_attribute(items: dict[Key, Item], key: Key, chance: Random) -> str:
    name = chance.choice(sorted(items[key].keys() - {"pk", "sk"}))
    items[key] = {other: value for other, value in items[key].items() if other != name}
    return f"removed {name}"


def _delete(items: dict[Key, Item], key: Key, _: Random) -> str:
    del items[key]
    return "deleted it"


def _copy(items: dict[Key, Item], key: Key, _: Random) -> str:
    other = Key(key.table, key.pk, key.sk[:-1] + ("0" if key.sk[-1] != "0" else "1"))
    if other in items:
        del items[other]
        return f"deleted {other.sk}"
    items[other] = {**items[key], "sk": other.sk}
    return f"copied it to {other.sk}"


TAMPERINGS: tuple[Callable[[dict[Key, Item], Key, Random], str], ...] = (_change, _remove_attribute, _delete, _copy)


def _touchable(items: Mapping[Key, Item]) -> list[Key]:
    found = [
        key
        for key in items
        if key.table not in NOT_OF_THE_LEDGER
        and key.pk.startswith(f"{TENANT}#")
        and not any(kind in key.pk for kind in PROJECTED_AWAY)
    ]
    return sorted(found, key=lambda key: (key.pk, key.sk))


WORLDS = {seed: lived(seed) for seed in range(2)}


@pytest.mark.parametrize("seed", range(120))
def test_each_tampering_is_found(seed: int) -> None:
    chance = Random(seed)
    world = WORLDS[seed % 2]
    store = MemoryDynamo(items=dict(world.streamed.items))
    key = chance.choice(_touchable(store.items))
    said = chance.choice(TAMPERINGS)(store.items, key, chance)
    report = _verify(world, store)
    assert report.breaks, f"{said} of {key}: not found"
