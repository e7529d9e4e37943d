"""The items of a payment, who sees it, and how; the refunds room reads them too."""

from collections.abc import Mapping
from typing import Any, cast

from chalicelib.kernel.clock import instant, to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.payments.payment import PREFIX, Payment, PaymentStatus
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import due_key, state_key
from chalicelib.store.port import Absent, Equals, Item, Put, Value
from chalicelib.store.schema import PAYMENT
from chalicelib.web.call import Call, missing


def is_payment_id(text: str) -> bool:
    """Tell whether `text` has the form of a payment's id."""
    return is_id(text, PREFIX)


def visible_payment(call: Call, identifier: str) -> Payment:
    """Return a payment that exists for this caller, or raise 404: the same for missing and foreign.

    Only the payment's own maker is stored in it, because a blind update does not learn the payee's owner: whoever
    did not make it costs one more read.
    """
    payment = read_payment(call.find("payment", identifier, is_payment_id))
    if call.caller.may_see(payment.owner) or call.controls(payment.payee):
        return payment
    raise missing("payment", identifier)


def making(tenant: str, payment: Payment, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that make a payment, and its reminder when it holds funds until an instant."""
    key = state_key(tenant, "payment", payment.id)
    writes = [Put(key, attributes(payment, commit_key), (Absent(),))]
    if payment.capture_before_at is not None:
        due = due_key(tenant, "payment", payment.capture_before_at, payment.id)
        writes.append(Put(due, {"sc": PAYMENT.written}, (Absent(),)))
    # Only a clash of 80 random bits could make these fail: Stale draws a new id.
    return tuple(Effect(write, lambda _: Stale()) for write in writes)


def moving(tenant: str, before: Payment, after: Payment, commit_key: str) -> Effect:
    """Return the write that moves a payment on from the version it was decided from.

    All of the item is written: nothing is left of the shape that another release gave it.
    """
    key = state_key(tenant, "payment", after.id)
    write = Put(key, attributes(after, commit_key), (Equals("v", before.version),))
    return Effect(write, lambda _: Stale())


def read_payment(item: Item) -> Payment:
    """Decode a `payment` item."""
    PAYMENT.require(item)
    return Payment(
        id=cast("str", item["sk"]),
        status=PaymentStatus(cast("str", item["s"])),
        amount_minor=cast("int", item["a"]),
        captured_minor=cast("int", item["ac"]),
        refunded_minor=cast("int", item["ar"]),
        fee_minor=cast("int", item.get("fm", 0)),
        currency=cast("str", item["c"]),
        payer=cast("str", item["pr"]),
        payee=cast("str", item["pe"]),
        owner=cast("str", item["o"]),
        version=cast("int", item["v"]),
        created_at=cast("int", item["t"]),
        capture_before_at=cast("int | None", item.get("cb")),
        decline_code=cast("str | None", item.get("dc")),
        reference=cast("str | None", item.get("rf")),
        description=cast("str | None", item.get("d")),
        metadata=cast("dict[str, str]", item.get("md", {})),
    )


def restored(shown: Mapping[str, Any], owner: str) -> Payment:
    """Return the payment that callers were shown: together with its owner that is all there is of it."""
    return Payment(
        id=shown["id"],
        status=PaymentStatus(shown["status"]),
        amount_minor=shown["amount"],
        captured_minor=shown["amount_captured"],
        refunded_minor=shown["amount_refunded"],
        fee_minor=shown["fee"],
        currency=shown["currency"],
        payer=shown["payer"],
        payee=shown["payee"],
        owner=owner,
        version=shown["version"],
        created_at=instant(shown["created_at"]),
        capture_before_at=instant(shown["capture_before"]) if "capture_before" in shown else None,
        decline_code=shown.get("decline_code"),
        reference=shown["reference"],
        description=shown["description"],
        metadata=shown["metadata"],
    )


def resource(payment: Payment) -> dict[str, Any]:
    """Return the payment as callers see it."""
    shown: dict[str, Any] = {
        "id": payment.id,
        "object": "payment",
        "status": payment.status.value,
        "amount": payment.amount_minor,
        "amount_captured": payment.captured_minor,
        "amount_refunded": payment.refunded_minor,
        "fee": payment.fee_minor,
        "currency": payment.currency,
        "payer": payment.payer,
        "payee": payment.payee,
        "reference": payment.reference,
        "description": payment.description,
        "metadata": payment.metadata,
        "version": payment.version,
        "created_at": to_rfc3339(payment.created_at),
    }
    if payment.capture_before_at is not None:
        shown["capture_before"] = to_rfc3339(payment.capture_before_at)
    if payment.decline_code is not None:
        shown["decline_code"] = payment.decline_code
    return shown


def attributes(payment: Payment, commit_key: str, schema: int = PAYMENT.written) -> Item:
    """Name attributes shortly and leave empty ones out: the item has to fit one write unit."""
    always: dict[str, Value] = {
        "s": payment.status.value,
        "a": payment.amount_minor,
        "ac": payment.captured_minor,
        "ar": payment.refunded_minor,
        "c": payment.currency,
        "pr": payment.payer,
        "pe": payment.payee,
        "o": payment.owner,
        "v": payment.version,
        "t": payment.created_at,
        "lc": commit_key,
        "sc": schema,
    }
    optional: dict[str, Value] = {
        "cb": payment.capture_before_at,
        "fm": payment.fee_minor or None,
        "dc": payment.decline_code,
        "rf": payment.reference,
        "d": payment.description,
        "md": dict(payment.metadata) or None,
    }
    return always | {name: value for name, value in optional.items() if value is not None}
