"""The simulated tables: MemoryDynamo that knows which items are in flight, and how every item stood at every instant."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.store.port import Cancelled, Item, Key, Reason, Table, Write
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.simulator.letter import Send

CONFLICT = "TransactionConflict"


@dataclass(frozen=True, slots=True)
class Applied:
    """One transaction that took effect: each item before and after, and for which request (None: internal work)."""

    at_us: int
    send: Send | None
    before: Mapping[Key, Item | None]
    after: Mapping[Key, Item | None]


@dataclass
class Database(MemoryDynamo):
    """`watch` is told of every transaction that takes effect, in their order."""

    now_us: Callable[[], int] = lambda: 0
    watch: Callable[[Applied], None] = lambda _: None
    past: dict[Key, list[tuple[int, Item | None]]] = field(default_factory=lambda: defaultdict(list))
    _partitions: dict[tuple[Table, str], dict[str, Key]] = field(default_factory=lambda: defaultdict(dict))
    _in_flight: set[Key] = field(default_factory=set)

    def begin(self, writes: Sequence[Write]) -> None:
        """Take the items; raise Cancelled where one of them is in another ongoing transaction, as AWS does."""
        taken = [write.key in self._in_flight for write in writes]
        if any(taken):
            self.cancel(writes, [CONFLICT if one else None for one in taken])
        self._in_flight.update(write.key for write in writes)

    def cancel(self, writes: Sequence[Write], codes: Sequence[str | None]) -> None:
        """Cancel for these codes, over the reasons that the items themselves give; AWS gives no item beside them."""
        own = self.reasons(writes)
        raise Cancelled([Reason(code) if code else reason for code, reason in zip(codes, own, strict=True)])

    def finish(self, writes: Sequence[Write], send: Send | None) -> None:
        """Let a transaction that has begun take effect, or raise Cancelled for its conditions."""
        self._in_flight.difference_update(write.key for write in writes)
        before = {write.key: self.items.get(write.key) for write in writes}
        self.transact(writes, timeout_seconds=1.0)
        after = {key: self.items.get(key) for key in before}
        for key, item in after.items():
            self._remember(key, item)
        self.watch(Applied(self.now_us(), send, before, after))

    def seed(self, key: Key, attributes: Item) -> None:
        super().seed(key, attributes)
        self._remember(key, self.items[key])

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
        return self.query_as_of(
            self.now_us(), (table, pk), limit=limit, after=after, before=before, newest_first=newest_first
        )

    def as_of(self, key: Key, at_us: int) -> Item | None:
        """The item as it stood at an instant."""
        return next((item for since_us, item in reversed(self.past.get(key, [])) if since_us <= at_us), None)

    def during(self, key: Key, since_us: int) -> list[Item | None]:
        """The item in every state in which it stood at some instant from then till now."""
        later = [item for at_us, item in self.past.get(key, []) if at_us > since_us]
        return [self.as_of(key, since_us), *later]

    def query_as_of(
        self,
        at_us: int,
        partition: tuple[Table, str],
        *,
        limit: int,
        after: str | None,
        before: str | None,
        newest_first: bool,
    ) -> list[Item]:
        """What a query would have found at an instant; sort keys are compared as DynamoDB does."""
        keys = self._partitions.get(partition, {})
        inside = [sk for sk in keys if (after is None or sk > after) and (before is None or sk < before)]
        found: list[Item] = []
        for sk in sorted(inside, reverse=newest_first):
            item = self.as_of(keys[sk], at_us)
            if item is not None:
                found.append(dict(item))
            if len(found) == limit:
                break
        return found

    def _remember(self, key: Key, item: Item | None) -> None:
        self.past[key].append((self.now_us(), item))
        self._partitions[key.table, key.pk][key.sk] = key
