"""MemoryDynamo behind a network that fails: by a script, or by chance from a seed."""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from chalicelib.store.port import (
    Cancelled,
    Item,
    Key,
    OutcomeUnknown,
    Reason,
    Table,
    Throttled,
    Unreachable,
    Write,
)
from chalicelib.store.sizes import read_units
from tests.doubles.memory_dynamo import MemoryDynamo

CONFLICT: Final = "TransactionConflict"


class Fault(Enum):
    """What may happen to one call."""

    CONFLICT = "one of the items is in another transaction; nothing is done"
    THROTTLED = "refused for its rate; nothing is done"
    LOST_BEFORE = "no answer, and nothing was done"
    LOST_AFTER = "no answer, though it was done (or cancelled)"
    UNREACHABLE = "no connection"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A cancellation with these codes at these places, over the reasons that the items themselves would give."""

    codes: Mapping[int, str]


Plan = Fault | Overlay | None
READ_FAULTS: Final = (Fault.THROTTLED, Fault.LOST_BEFORE, Fault.UNREACHABLE)


class FaultyDynamo:
    """The port with faults: first those of the scripts, one a call (None: none), then by chance at `rate`."""

    def __init__(
        self,
        inner: MemoryDynamo | None = None,
        *,
        transacts: Iterable[Plan] = (),
        reads: Iterable[Fault | None] = (),
        seed: int = 0,
        rate: float = 0.0,
        kinds: Sequence[Fault] = tuple(Fault),
    ) -> None:
        self.inner = inner or MemoryDynamo()
        self.transacts: deque[Plan] = deque(transacts)
        self.reads: deque[Fault | None] = deque(reads)
        self.rate = rate
        self.round_trips: Counter[str] = (
            Counter()
        )  # by "get", "get_many", "query" and "transact"; what never left is not one
        self.faults: Counter[str] = Counter()  # by the name of the fault
        self.tokens: list[str | None] = []
        self.read_units = 0.0
        self._kinds = tuple(kinds)
        self._chance = Random(seed)

    @property
    def write_units(self) -> int:
        """Write units of all transactions that reached the items, the cancelled ones included."""
        return self.inner.write_units

    def reset_counters(self) -> None:
        """Count from nothing (after arranging a test)."""
        self.round_trips.clear()
        self.faults.clear()
        self.tokens.clear()
        self.read_units = 0.0
        self.inner.write_units = 0

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        self._read("get")
        item = self.inner.get(key, consistent=consistent)
        self.read_units += read_units(item, consistent=consistent)
        return item

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        self._read("get_many")
        found = self.inner.get_many(keys)
        self.read_units += sum(read_units(found.get(key)) for key in keys)
        return found

    def query(
        self,
        table: Table,
        pk: str,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        consistent: bool = False,
    ) -> list[Item]:
        self._read("query")
        return self.inner.query(
            table, pk, limit=limit, after=after, before=before, newest_first=newest_first, consistent=consistent
        )

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        plan = self.transacts.popleft() if self.transacts else self._by_chance(self._kinds)
        self._count("transact", plan)
        self.tokens.append(token)
        match plan:
            case Overlay(codes):
                self._cancel(writes, codes)
            case Fault.CONFLICT:
                self._cancel(writes, {self._chance.randrange(len(writes)): CONFLICT})
            case Fault.LOST_AFTER:
                self._transact_unheard(writes, token, timeout_seconds)
            case Fault():
                raise _failure(plan)
            case None:
                self.inner.transact(writes, token=token, timeout_seconds=timeout_seconds)

    def _transact_unheard(self, writes: Sequence[Write], token: str | None, timeout_seconds: float) -> None:
        with suppress(Cancelled):
            self.inner.transact(writes, token=token, timeout_seconds=timeout_seconds)
        raise _failure(Fault.LOST_AFTER)

    def _cancel(self, writes: Sequence[Write], codes: Mapping[int, str]) -> None:
        """AWS gives no item beside a conflict or a throttle."""
        own = self.inner.reasons(writes)
        raise Cancelled([Reason(codes[place]) if place in codes else reason for place, reason in enumerate(own)])

    def _read(self, kind: str) -> None:
        plan = self.reads.popleft() if self.reads else self._by_chance([k for k in self._kinds if k in READ_FAULTS])
        self._count(kind, plan)
        if plan is not None:
            raise _failure(plan)

    def _by_chance(self, kinds: Sequence[Fault]) -> Fault | None:
        return self._chance.choice(kinds) if kinds and self._chance.random() < self.rate else None

    def _count(self, kind: str, plan: Plan) -> None:
        if plan is not Fault.UNREACHABLE:
            self.round_trips[kind] += 1
        if plan is not None:
            self.faults[plan.name if isinstance(plan, Fault) else "OVERLAY"] += 1


def _failure(fault: Fault) -> Exception:
    match fault:
        case Fault.THROTTLED:
            return Throttled(fault.value)
        case Fault.UNREACHABLE:
            return Unreachable(fault.value)
        case _:
            return OutcomeUnknown(fault.value)
