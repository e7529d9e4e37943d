"""The double that fails does what it was told, and says what it cost."""

import pytest

from chalicelib.store.port import (
    Absent,
    Cancelled,
    Key,
    OutcomeUnknown,
    Put,
    Reason,
    Throttled,
    Unreachable,
    Update,
    Write,
)
from tests.doubles.faulty_dynamo import CONFLICT, Fault, FaultyDynamo, Overlay

A, B = Key("ledger", "p", "a"), Key("ledger", "p", "b")
WRITES: list[Write] = [Put(A, {"n": 1}, when=(Absent(),)), Update(B, add={"n": 1})]


def _transact(store: FaultyDynamo) -> None:
    store.transact(WRITES, token=str(len(store.tokens)), timeout_seconds=1.0)


@pytest.mark.parametrize(
    ("fault", "failure", "done"),
    [
        (Fault.THROTTLED, Throttled, False),
        (Fault.LOST_BEFORE, OutcomeUnknown, False),
        (Fault.LOST_AFTER, OutcomeUnknown, True),
        (Fault.UNREACHABLE, Unreachable, False),
        (Fault.CONFLICT, Cancelled, False),
    ],
)
def test_a_fault_is_done_or_not_as_it_says(fault: Fault, failure: type[Exception], done: bool) -> None:
    store = FaultyDynamo(transacts=[fault])
    with pytest.raises(failure):
        _transact(store)
    assert (store.get(A) is not None) is done
    assert store.faults == {fault.name: 1}
    assert store.round_trips == {"get": 1, **({} if fault is Fault.UNREACHABLE else {"transact": 1})}


def test_a_conflict_stands_beside_the_reasons_of_the_items() -> None:
    store = FaultyDynamo(transacts=[None, Overlay({1: CONFLICT})])
    _transact(store)
    with pytest.raises(Cancelled) as caught:
        _transact(store)
    assert caught.value.reasons == (Reason("ConditionalCheckFailed", store.get(A)), Reason(CONFLICT))


def test_a_seed_replays_the_same_faults() -> None:
    def run(seed: int) -> list[str]:
        store = FaultyDynamo(seed=seed, rate=0.5)
        seen: list[str] = []
        for _ in range(50):
            try:
                store.transact([Update(A, add={"n": 1})], token=str(len(seen)), timeout_seconds=1.0)
                seen.append("done")
            except Exception as failure:  # noqa: BLE001
                seen.append(repr(failure))
        return seen

    assert run(7) == run(7) != run(8)
    assert len(set(run(7))) > 3


def test_reads_fail_too() -> None:
    store = FaultyDynamo(reads=[Fault.THROTTLED, None, Fault.LOST_BEFORE])
    with pytest.raises(Throttled):
        store.get(A)
    assert store.get(A) is None
    with pytest.raises(OutcomeUnknown):
        store.query("ledger", "p", limit=1)


def test_write_units_are_counted_as_aws_bills_them() -> None:
    store = FaultyDynamo()
    _transact(store)
    assert store.write_units == 4
    with pytest.raises(Cancelled):
        _transact(store)
    assert store.write_units == 8
    store.reset_counters()
    store.transact([Put(A, {"x": "x" * 1024})], token="u", timeout_seconds=1.0)
    assert store.write_units == 4
