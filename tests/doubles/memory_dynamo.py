"""The store's port in memory: it interprets the structured writes themselves, with the reasons AWS would give."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import assert_never

from chalicelib.store.codec import check_token, check_writes, decode_item, encode, encode_item
from chalicelib.store.port import (
    HASH,
    RANGE,
    Absent,
    AtLeast,
    Authorised,
    Cancelled,
    Condition,
    Delete,
    Equals,
    Exists,
    Item,
    Key,
    NotAbove,
    OneOf,
    Put,
    Reason,
    StoreMisuse,
    Table,
    Update,
    Value,
    Write,
)
from chalicelib.store.sizes import MAX_ITEM_BYTES, item_bytes, write_units

TOKEN_LIFETIME_MS = 10 * 60 * 1000
_NUMBER_LIMIT = 10**38


@dataclass
class MemoryDynamo:
    """Deterministic and safe for threads; `now_ms` only decides when a token is forgotten."""

    now_ms: Callable[[], int] = lambda: 0
    items: dict[Key, Item] = field(default_factory=dict)
    write_units: int = 0  # of all transactions, the cancelled ones included, as AWS bills them
    _tokens: dict[str, tuple[int, str]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        with self._lock:
            item = self.items.get(key)
        return None if item is None else _copy(item)

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        return {key: item for key in keys if (item := self.get(key)) is not None}

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        check_writes(writes)
        if token is not None:
            check_token(token)
        with self._lock:
            if not self._already_done(token, writes):
                self._apply(writes)
                if token is not None:
                    self._tokens[token] = (self.now_ms(), _fingerprint(writes))

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
        with self._lock:
            keys = [key for key in self.items if key.table == table and key.pk == pk and _within(key.sk, after, before)]
            keys.sort(key=lambda key: key.sk.encode(), reverse=newest_first)
            return [_copy(self.items[key]) for key in keys[:limit]]

    def reasons(self, writes: Sequence[Write]) -> tuple[Reason, ...]:
        """What a cancellation would say now, one reason for each write; nothing is written."""
        with self._lock:
            outcomes = [_evaluate(write, self.items.get(write.key)) for write in writes]
        return tuple(outcome if isinstance(outcome, Reason) else Reason(None) for outcome in outcomes)

    def seed(self, key: Key, attributes: Item) -> None:
        """Place an item without a transaction (for arranging a test)."""
        with self._lock:
            self.items[key] = _copy({HASH: key.pk, RANGE: key.sk, **attributes})

    def _already_done(self, token: str | None, writes: Sequence[Write]) -> bool:
        if token is None:
            return False
        done_at, fingerprint = self._tokens.get(token, (0, ""))
        if not fingerprint or self.now_ms() - done_at >= TOKEN_LIFETIME_MS:
            return False
        if fingerprint != _fingerprint(writes):
            raise StoreMisuse("IdempotentParameterMismatchException: the token was used for other writes")
        return True

    def _apply(self, writes: Sequence[Write]) -> None:
        olds = [self.items.get(write.key) for write in writes]
        outcomes = [_evaluate(write, old) for write, old in zip(writes, olds, strict=True)]
        failed = any(isinstance(outcome, Reason) for outcome in outcomes)
        for old, outcome in zip(olds, outcomes, strict=True):
            self.write_units += write_units(old, None if failed or isinstance(outcome, Reason) else outcome)
        if failed:
            raise Cancelled([outcome if isinstance(outcome, Reason) else Reason(None) for outcome in outcomes])
        for write, outcome in zip(writes, outcomes, strict=True):
            assert not isinstance(outcome, Reason)
            if outcome is None:
                self.items.pop(write.key, None)
            else:
                self.items[write.key] = outcome


def _evaluate(write: Write, old: Item | None) -> Item | Reason | None:
    """The item as the write would leave it (None: gone), or why it may not."""
    if not all(holds(condition, old) for condition in write.when):
        return Reason("ConditionalCheckFailed", None if old is None else _copy(old))
    match write:
        case Put():
            new = _copy({HASH: write.key.pk, RANGE: write.key.sk, **write.attributes})
            if item_bytes(new) > MAX_ITEM_BYTES:
                raise StoreMisuse("an item has at most 400 KB")
            return new
        case Update():
            return _updated(write, old)
        case Delete():
            return None


def _updated(write: Update, old: Item | None) -> Item | Reason:
    new = {**(old or {HASH: write.key.pk, RANGE: write.key.sk}), **write.set}
    for name in write.remove:
        new.pop(name, None)
    for name, amount in write.add.items():
        present = new.get(name, 0)
        if isinstance(present, bool) or not isinstance(present, int):
            return Reason("ValidationError")
        new[name] = present + amount
        if abs(present + amount) >= _NUMBER_LIMIT:
            return Reason("ValidationError")
    return Reason("ValidationError") if item_bytes(new) > MAX_ITEM_BYTES else _copy(new)


def holds(condition: Condition, item: Item | None) -> bool:
    """Whether a condition holds for an item, as DynamoDB's comparators would have it."""
    if item is None:
        return isinstance(condition, Absent | NotAbove)
    match condition:
        case Exists():
            return True
        case Absent():
            return False
        case Equals(name, value):
            return name in item and _same(item[name], value)
        case AtLeast(name, minimum):
            present = item.get(name)
            return isinstance(present, int) and not isinstance(present, bool) and present >= minimum
        case NotAbove(name, maximum):
            present = item.get(name)
            return name not in item or (
                isinstance(present, int) and not isinstance(present, bool) and present <= maximum
            )
        case OneOf(name, values):
            return item.get(name) in values
        case Authorised(principal):
            mandates = item.get("m")
            return item.get("o") == principal or (isinstance(mandates, frozenset) and principal in mandates)
        case _:
            assert_never(condition)


def _same(left: Value, right: Value) -> bool:
    """Equal in type as well: to Python True == 1, to DynamoDB it is not."""
    return encode(left) == encode(right)


def _within(sk: str, after: str | None, before: str | None) -> bool:
    raw = sk.encode()
    return (after is None or raw > after.encode()) and (before is None or raw < before.encode())


def _copy(item: Mapping[str, Value]) -> Item:
    """A deep copy that also refuses what DynamoDB cannot hold."""
    return decode_item(encode_item(item))


def _fingerprint(writes: Sequence[Write]) -> str:
    return repr(writes)
