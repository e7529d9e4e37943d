"""MemoryDynamo with streams: each change of an item as the record that a function behind the table would be sent."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chalicelib.store.codec import encode_item
from chalicelib.store.port import Item, Key, Write
from tests.doubles.memory_dynamo import MemoryDynamo

Record = dict[str, Any]


@dataclass
class StreamedDynamo(MemoryDynamo):
    """`records` are those of all tables in the order of the commits; the function takes them whenever it likes."""

    records: list[Record] = field(default_factory=list)

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        with self._lock:
            before = {write.key: self.items.get(write.key) for write in writes}
            super().transact(writes, token=token, timeout_seconds=timeout_seconds)
            for key, old in before.items():
                if old != self.items.get(key):
                    self.records.append(record_of(key, old, self.items.get(key), len(self.records)))


def record_of(key: Key, old: Item | None, new: Item | None, number: int) -> Record:
    """Return a change of an item as its stream tells it; `number` gives it its place."""
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    images = {"OldImage": old, "NewImage": new}
    change = {label: _on_the_wire(encode_item(item)) for label, item in images.items() if item is not None}
    keys = encode_item({"pk": key.pk, "sk": key.sk})
    return {"eventName": name, "dynamodb": {"Keys": keys, "SequenceNumber": f"{number:021d}", **change}}


def _on_the_wire(value: Any) -> Any:
    """As JSON has it: Lambda's event carries binary as base64 text."""
    match value:
        case bytes():
            return b64encode(value).decode()
        case dict():
            return {name: _on_the_wire(inner) for name, inner in value.items()}
        case list():
            return [_on_the_wire(inner) for inner in value]
    return value


def interleaved(records: Iterable[Record], chance: Random) -> list[Record]:
    """The records in another order that a stream may have: in order for each item, in any order between items."""
    queues: dict[str, list[Record]] = {}
    for record in records:
        queues.setdefault(str(record["dynamodb"]["Keys"]), []).append(record)
    order = [name for name, queue in queues.items() for _ in queue]
    chance.shuffle(order)
    return [queues[name].pop(0) for name in order]


def repeated(records: Sequence[Record], chance: Random) -> list[Record]:
    """The records as at-least-once delivery may bring them: now and then a stretch comes again."""
    brought: list[Record] = []
    for place, record in enumerate(records):
        brought.append(record)
        if chance.random() < 0.2:
            brought += records[max(0, place - chance.randrange(6)) : place + 1]
    return brought
