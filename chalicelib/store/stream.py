"""What a table's stream tells a function: one change of one item, in order for each item.

Source of the shape: AWS Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB" (event `aws:dynamodb`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.store.codec import decode_item
from chalicelib.store.port import HASH, RANGE, Item


@dataclass(frozen=True, slots=True)
class Changed:
    """One stream record: INSERT, MODIFY or REMOVE, the item before and after, and the record's own number."""

    name: str
    pk: str
    sk: str
    old: Item | None
    new: Item | None
    number: str

    @property
    def tenant(self) -> str:
        """The ledger the item belongs to: the first part of every partition key."""
        return self.pk.partition("#")[0]

    @property
    def kind(self) -> str:
        """What the item is: the second part of its partition key."""
        return self.pk.split("#", 2)[1] if "#" in self.pk else ""


def read_record(record: Mapping[str, Any]) -> Changed:
    """Read one of the event's `Records`."""
    change = record["dynamodb"]
    keys = decode_item(change["Keys"])
    return Changed(
        name=record["eventName"],
        pk=str(keys[HASH]),
        sk=str(keys[RANGE]),
        old=decode_item(change["OldImage"]) if change.get("OldImage") else None,
        new=decode_item(change["NewImage"]) if change.get("NewImage") else None,
        number=change["SequenceNumber"],
    )
