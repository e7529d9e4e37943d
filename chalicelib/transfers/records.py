"""The item of a transfer, and the transfer as callers see it."""

from typing import Any, cast

from chalicelib.kernel.clock import to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import state_key
from chalicelib.store.port import Absent, Item, Put, Value
from chalicelib.transfers.transfer import PREFIX, Transfer, TransferStatus

SCHEMA = 1


def is_transfer_id(text: str) -> bool:
    """Tell whether `text` has the form of a transfer's id."""
    return is_id(text, PREFIX)


def making(tenant: str, transfer: Transfer, commit_key: str) -> Effect:
    """Return the write that makes a transfer; only a clash of ids could make it fail, and Stale draws another."""
    attributes: dict[str, Value] = {
        "s": transfer.status.value,
        "sr": transfer.source,
        "ds": transfer.destination,
        "a": transfer.amount_minor,
        "c": transfer.currency,
        "o": transfer.owner,
        "v": transfer.version,
        "t": transfer.created_at,
        "lc": commit_key,
        "sc": SCHEMA,
    }
    if transfer.decline_code is not None:
        attributes["dc"] = transfer.decline_code
    key = state_key(tenant, "transfer", transfer.id)
    return Effect(Put(key, attributes, (Absent(),)), lambda _: Stale())


def read_transfer(item: Item) -> Transfer:
    """Decode a `transfer` item."""
    return Transfer(
        id=cast("str", item["sk"]),
        status=TransferStatus(cast("str", item["s"])),
        source=cast("str", item["sr"]),
        destination=cast("str", item["ds"]),
        amount_minor=cast("int", item["a"]),
        currency=cast("str", item["c"]),
        owner=cast("str", item["o"]),
        created_at=cast("int", item["t"]),
        decline_code=cast("str | None", item.get("dc")),
        version=cast("int", item["v"]),
    )


def resource(transfer: Transfer) -> dict[str, Any]:
    """Return the transfer as callers see it."""
    shown: dict[str, Any] = {
        "id": transfer.id,
        "object": "transfer",
        "status": transfer.status.value,
        "source": transfer.source,
        "destination": transfer.destination,
        "amount": transfer.amount_minor,
        "currency": transfer.currency,
        "version": transfer.version,
        "created_at": to_rfc3339(transfer.created_at),
    }
    if transfer.decline_code is not None:
        shown["decline_code"] = transfer.decline_code
    return shown
