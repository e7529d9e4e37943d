"""The item of a refund, and the refund as callers see it."""

from collections.abc import Mapping
from typing import Any, cast

from chalicelib.kernel.clock import instant, to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.refunds.refund import PREFIX, Refund, RefundStatus
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import state_key
from chalicelib.store.port import Absent, Item, Put, Value
from chalicelib.store.schema import REFUND


def is_refund_id(text: str) -> bool:
    """Tell whether `text` has the form of a refund's id."""
    return is_id(text, PREFIX)


def making(tenant: str, refund: Refund, commit_key: str) -> Effect:
    """Return the write that makes a refund; only a clash of ids could make it fail, and Stale draws another."""
    key = state_key(tenant, "refund", refund.id)
    return Effect(Put(key, attributes(refund, commit_key), (Absent(),)), lambda _: Stale())


def attributes(refund: Refund, commit_key: str, schema: int = REFUND.written) -> Item:
    """Return what is stored of a refund."""
    always: dict[str, Value] = {
        "s": refund.status.value,
        "py": refund.payment,
        "a": refund.amount_minor,
        "c": refund.currency,
        "o": refund.owner,
        "v": refund.version,
        "t": refund.created_at,
        "lc": commit_key,
        "sc": schema,
    }
    return always if refund.decline_code is None else always | {"dc": refund.decline_code}


def restored(shown: Mapping[str, Any], owner: str) -> Refund:
    """Return the refund that callers were shown; its owner is its payment's."""
    return Refund(
        id=shown["id"],
        status=RefundStatus(shown["status"]),
        payment=shown["payment"],
        amount_minor=shown["amount"],
        currency=shown["currency"],
        owner=owner,
        created_at=instant(shown["created_at"]),
        decline_code=shown.get("decline_code"),
        version=shown["version"],
    )


def read_refund(item: Item) -> Refund:
    """Decode a `refund` item."""
    REFUND.require(item)
    return Refund(
        id=cast("str", item["sk"]),
        status=RefundStatus(cast("str", item["s"])),
        payment=cast("str", item["py"]),
        amount_minor=cast("int", item["a"]),
        currency=cast("str", item["c"]),
        owner=cast("str", item["o"]),
        created_at=cast("int", item["t"]),
        decline_code=cast("str | None", item.get("dc")),
        version=cast("int", item["v"]),
    )


def resource(refund: Refund) -> dict[str, Any]:
    """Return the refund as callers see it."""
    shown: dict[str, Any] = {
        "id": refund.id,
        "object": "refund",
        "status": refund.status.value,
        "payment": refund.payment,
        "amount": refund.amount_minor,
        "currency": refund.currency,
        "version": refund.version,
        "created_at": to_rfc3339(refund.created_at),
    }
    if refund.decline_code is not None:
        shown["decline_code"] = refund.decline_code
    return shown
