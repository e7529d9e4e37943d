"""The item of a refund, and the refund as callers see it."""

from typing import Any, cast

from chalicelib.kernel.clock import to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.refunds.refund import PREFIX, Refund, RefundStatus
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import state_key
from chalicelib.store.port import Absent, Item, Put, Value

SCHEMA = 1


def is_refund_id(text: str) -> bool:
    """Tell whether `text` has the form of a refund's id."""
    return is_id(text, PREFIX)


def making(tenant: str, refund: Refund, commit_key: str) -> Effect:
    """Return the write that makes a refund; only a clash of ids could make it fail, and Stale draws another."""
    attributes: dict[str, Value] = {
        "s": refund.status.value,
        "py": refund.payment,
        "a": refund.amount_minor,
        "c": refund.currency,
        "o": refund.owner,
        "v": refund.version,
        "t": refund.created_at,
        "lc": commit_key,
        "sc": SCHEMA,
    }
    if refund.decline_code is not None:
        attributes["dc"] = refund.decline_code
    return Effect(Put(state_key(tenant, "refund", refund.id), attributes, (Absent(),)), lambda _: Stale())


def read_refund(item: Item) -> Refund:
    """Decode a `refund` item."""
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
