"""The simulated store keeps DynamoDB's conflict rule, and the payments room lives with it."""

import pytest

from benchmarks.heat import BusyDynamo, simulate
from benchmarks.simulation import Simulation
from chalicelib.store.port import Cancelled, Key, Put, Update

A, B = Key("ledger", "p", "a"), Key("ledger", "p", "b")


def _write(simulation: Simulation, dynamo: BusyDynamo, seen: list[object], *keys: Key) -> None:
    try:
        dynamo.transact([Update(key, add={"n": 1}) for key in keys], timeout_seconds=1)
    except Cancelled as cancelled:
        seen.append((round(simulation.elapsed_seconds(), 3), [reason.code for reason in cancelled.reasons]))
    else:
        seen.append(round(simulation.elapsed_seconds(), 3))


@pytest.mark.parametrize(
    ("second_at", "seen"),
    [
        (0.007, [(0.007, [None, "TransactionConflict"]), 0.008]),
        (0.008, [0.008, 0.016]),
    ],
)
def test_an_item_is_busy_until_its_transaction_is_done(second_at: float, seen: list[object]) -> None:
    simulation, told = Simulation(), list[object]()
    dynamo = BusyDynamo(simulation, 0.008)
    simulation.start(0.0, lambda: _write(simulation, dynamo, told, A))
    simulation.start(second_at, lambda: _write(simulation, dynamo, told, B, A))
    simulation.run()
    assert told == seen
    assert dynamo.attempts == 2


def test_other_items_are_in_nobodys_way() -> None:
    simulation, told = Simulation(), list[object]()
    dynamo = BusyDynamo(simulation, 0.008)
    simulation.start(0.0, lambda: _write(simulation, dynamo, told, A))
    simulation.start(0.001, lambda: _write(simulation, dynamo, told, B))
    simulation.run()
    assert told == [0.008, 0.009]


def test_a_conflict_is_billed_and_writes_nothing() -> None:
    simulation, told = Simulation(), list[object]()
    dynamo = BusyDynamo(simulation, 0.008)
    dynamo.transact([Put(A, {"n": 1})], timeout_seconds=1)
    assert dynamo.write_units == 2
    for at in (0.0, 0.004):
        simulation.start(at, lambda: _write(simulation, dynamo, told, A, B))
    simulation.run()
    assert dynamo.write_units == 2 + 4 + 4
    assert dynamo.get(A) == {"pk": "p", "sk": "a", "n": 2}


def test_one_slice_at_two_hundred_a_second_gives_up_and_many_do_not() -> None:
    """The books are checked inside: every payment that was answered has moved its money."""
    one, many = (simulate(slices, rate=200, busy_seconds=0.008, seconds=1.5) for slices in (1, 16))
    assert one.paid < one.statuses.total()
    assert set(one.statuses) == {201, 503}
    assert set(many.statuses) == {201}
    assert many.attempts / many.paid < 1.5 < one.attempts / one.paid
