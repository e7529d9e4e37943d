"""What the commits say is enough: into empty tables they bring back states, balances and statements."""

import pytest

from chalicelib.store.port import Item, Key
from chalicelib.verifier.rebuild import DamagedCommits, NotEmpty, rebuild
from chalicelib.verifier.verify import verify
from tests.doubles.audit import audit
from tests.doubles.lived import lived
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.small_ledger import TENANT
from tests.doubles.statements import Projected

ORDER_OF_ENTRIES = frozenset({"lc"})


def _commits_only(world: Projected) -> MemoryDynamo:
    return MemoryDynamo(items={key: item for key, item in world.streamed.items.items() if key.table == "commits"})


def _rebuild(world: Projected, store: MemoryDynamo) -> int:
    return rebuild(store, store, world.ledger.clock, world.bench.chance, TENANT)


def _ledger(items: dict[Key, Item], kinds: tuple[str, ...]) -> dict[Key, Item]:
    wanted = [f"{TENANT}#{kind}" for kind in kinds]
    found = {key: item for key, item in items.items() if any(key.pk.startswith(prefix) for prefix in wanted)}
    return {key: {n: v for n, v in item.items() if n not in ORDER_OF_ENTRIES} for key, item in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_from_commits_alone(seed: int) -> None:
    world = lived(seed)
    store = _commits_only(world)
    assert _rebuild(world, store) > 50
    kinds = ("account", "payment", "refund", "transfer", "balance", "owned", "due", "reference")
    assert _ledger(store.items, kinds) == _ledger(world.streamed.items, kinds)
    audit(store.items)
    report = verify(store, world.ledger.clock, TENANT, lag_seconds=0)
    assert report.breaks == ()


def test_history_and_events_come_back_too() -> None:
    world = lived(0)
    store = _commits_only(world)
    _rebuild(world, store)

    def steps(items: dict[Key, Item]) -> set[tuple[str, str]]:
        return {(key.pk, key.sk) for key in items if key.pk.startswith(f"{TENANT}#history#")}

    assert steps(store.items) == steps(world.streamed.items)


def test_it_can_be_run_again() -> None:
    world = lived(1)
    store = _commits_only(world)
    _rebuild(world, store)
    before = dict(store.items)
    _rebuild(world, store)
    assert store.items == before


def test_it_overwrites_nothing() -> None:
    world = lived(1)
    store = _commits_only(world)
    key = next(key for key in world.streamed.items if "#balance#" in key.pk and key.pk.startswith(TENANT))
    store.seed(key, {**world.streamed.items[key], "p": 7})
    with pytest.raises(NotEmpty, match="p is 7"):
        _rebuild(world, store)
    assert store.items[key]["p"] == 7


def test_a_damaged_commit_is_named_and_nothing_is_written() -> None:
    world = lived(1)
    store = _commits_only(world)
    key = next(key for key in store.items if key.pk.startswith(TENANT))
    store.seed(key, {**store.items[key], "st": 200, "t": 1})
    before = dict(store.items)
    with pytest.raises(DamagedCommits, match=key.sk):
        _rebuild(world, store)
    assert store.items == before
