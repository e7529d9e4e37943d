"""What a stream has lost is filled in, exactly; what may still come, or does not fit, is left alone."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.store.port import Item, Key
from chalicelib.verifier.entrypoint import verify_tenants
from chalicelib.verifier.repair import Repaired, repair
from chalicelib.verifier.verify import verify
from tests.doubles.lived import lived
from tests.doubles.small_ledger import TENANT
from tests.doubles.statements import Projected


def _repair(world: Projected, lag_seconds: int = 0) -> Repaired:
    return repair(world.streamed, world.ledger.clock, world.bench.chance, TENANT, lag_seconds=lag_seconds)


def _breaks(world: Projected) -> set[str]:
    return {one.code for one in verify(world.streamed, world.ledger.clock, TENANT, lag_seconds=0).breaks}


def _lines(world: Projected) -> list[Key]:
    items = world.streamed.items
    return sorted((key for key in items if f"{TENANT}#line#" in key.pk), key=lambda key: (key.pk, key.sk))


def _inner(world: Projected) -> list[Key]:
    """Lines that others stand behind."""
    lines = _lines(world)
    return [line for line, behind in pairwise(lines) if line.pk == behind.pk]


@pytest.mark.parametrize("seed", range(6))
def test_lost_lines_come_back_as_they_were(seed: int) -> None:
    world, chance = lived(seed), Random(seed)
    before = dict(world.streamed.items)
    lost = chance.sample(_inner(world), 8)
    for key in lost:
        del world.streamed.items[key]
    assert "line_gap" in _breaks(world)
    assert _repair(world) == Repaired(lines=8, commits=0)
    assert _breaks(world) == set()
    # The commits do not know the order of two entries of one balance made at one instant.
    moved = {key for key in lost if world.streamed.items[key] != before[key]}
    assert all(_twins(before, key) for key in moved)


def _twins(items: dict[Key, Item], key: Key) -> bool:
    return sum(item.get("t") == items[key]["t"] for other, item in items.items() if other.pk == key.pk) > 1


def _all_of_a_slice(world: Projected) -> list[Key]:
    pk = _inner(world)[0].pk
    return [key for key in _lines(world) if key.pk == pk]


def _last_line(world: Projected) -> list[Key]:
    return [_all_of_a_slice(world)[-1]]


@pytest.mark.parametrize("lost", [_all_of_a_slice, _last_line])
def test_what_may_still_come_is_waited_for_a_day(lost: Callable[[Projected], list[Key]]) -> None:
    world = lived(3)
    keys = lost(world)
    for key in keys:
        del world.streamed.items[key]
    made = [int(str(record["t"])) for record in world.ledger.records()]
    world.ledger.clock.move((max(made) - world.ledger.clock.now_at()) / 1_000)
    young = _repair(world).lines
    assert young < len(keys) or young == 0
    world.ledger.clock.move(8 * DAY_SECONDS)
    assert _repair(world).lines == len(keys) - young
    assert _breaks(world) == set()


def test_lines_that_do_not_add_up_are_left_for_somebody_to_look_at() -> None:
    world = lived(1)
    first, *_ = _inner(world)
    later = [key for key in _lines(world) if key.pk == first.pk][-1]
    del world.streamed.items[first]
    world.streamed.items[later] = {**world.streamed.items[later], "bp": 1_234_567}
    before = dict(world.streamed.items)
    assert _repair(world).lines == 0
    assert world.streamed.items == before


def test_lost_steps_and_events_come_back_once() -> None:
    world, chance = lived(2), Random(2)
    steps = sorted((key for key in world.streamed.items if f"{TENANT}#history#" in key.pk), key=lambda key: key.pk)
    for key in chance.sample(steps, 5):
        event = str(world.streamed.items.pop(key)["e"])
        (stored,) = [one for one in world.streamed.items if one.sk == event]
        del world.streamed.items[stored]
    assert _breaks(world) == {"step_missing"}
    assert 1 <= _repair(world).commits <= 5
    assert _breaks(world) == set()
    assert _repair(world) == Repaired(0, 0)


def test_steps_that_are_young_are_on_their_way() -> None:
    world = lived(2)
    world.ledger.pay(amount=1)
    assert _repair(world, lag_seconds=60) == Repaired(0, 0)


def test_the_scheduled_run_repairs_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    world = lived(4)
    world.ledger.clock.move(3_600)
    del world.streamed.items[_inner(world)[0]]
    assert verify_tenants(world.bench)[TENANT] == 0
    assert [reading["VerifierFindings"] for reading in world.readings] == [0], "told also when there is nothing"
    assert [line.levelname for line in caplog.records if line.message == "repaired"] == ["ERROR"]
    assert not [line for line in caplog.records if line.message == "a break"]


def test_what_no_repair_mends_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    world = lived(4)
    world.ledger.change(world.ledger.alice, h=-1)
    found = verify_tenants(world.bench)
    (reading,) = world.readings
    assert reading["VerifierFindings"] == sum(found.values()) == found[TENANT] > 0
    assert reading["_aws"]["Timestamp"] == world.ledger.clock.now_at()
    assert len([line for line in caplog.records if line.message == "a break"]) == found[TENANT]
