"""The items of a transfer, who sees it, and how.

The ledger is rebuilt from the commit records alone. So each commit that touches a transfer holds it as it was left (in
the answer; beside it where the answer is a decline), with everything of its item but three: `owner` is the principal of
the record that made it, the last commit is the record's own key, the schema this file's. The answer of a reversal holds
the transfer that it reverses too, in `original`; that of a batch all of its transfers. What is added to the item has to
be added to `resource` and to `restored`.
"""

from collections.abc import Mapping
from typing import Any, cast

from chalicelib.kernel.clock import instant, to_rfc3339
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.problems import FORBIDDEN, Problem
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import due_key, state_key
from chalicelib.store.port import Absent, Equals, Item, Put, Value
from chalicelib.store.schema import TRANSFER
from chalicelib.transfers.transfer import PREFIX, Transfer, TransferStatus
from chalicelib.web.call import Call, missing


def is_transfer_id(text: str) -> bool:
    """Tell whether `text` has the form of a transfer's id."""
    return is_id(text, PREFIX)


def visible_transfer(call: Call, identifier: str) -> Transfer:
    """Return a transfer that exists for this caller, or raise 404: the same for missing and foreign.

    It exists for its maker, for operators, and for whoever controls one of its accounts; these cost one or two reads
    more, because a blind update does not learn who owns the accounts.
    """
    transfer = read_transfer(call.find("transfer", identifier, is_transfer_id))
    if call.caller.may_see(transfer.owner) or call.controls(transfer.destination) or call.controls(transfer.source):
        return transfer
    raise missing("transfer", identifier)


def own_transfer(call: Call, identifier: str) -> Transfer:
    """Return a transfer that the caller may resolve: 403 for who only sees it."""
    transfer = visible_transfer(call, identifier)
    if not call.caller.may_see(transfer.owner):
        raise Problem(FORBIDDEN, "Only who made the transfer, or an operator, may do this.")
    return transfer


def making(tenant: str, transfer: Transfer, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that make a transfer, and its reminder when something will happen to it by itself."""
    writes = [Put(state_key(tenant, "transfer", transfer.id), attributes(transfer, commit_key), (Absent(),))]
    if transfer.due_at is not None:
        due = due_key(tenant, "transfer", transfer.due_at, transfer.id)
        writes.append(Put(due, {"sc": TRANSFER.written}, (Absent(),)))
    # Only a clash of 80 random bits could make these fail: Stale draws a new id.
    return tuple(Effect(write, lambda _: Stale()) for write in writes)


def moving(tenant: str, before: Transfer, after: Transfer, commit_key: str) -> Effect:
    """Return the write that moves a transfer on from the version it was decided from.

    All of the item is written: nothing is left of the shape that another release gave it.
    """
    key = state_key(tenant, "transfer", after.id)
    write = Put(key, attributes(after, commit_key), (Equals("v", before.version),))
    return Effect(write, lambda _: Stale())


def read_transfer(item: Item) -> Transfer:
    """Decode a `transfer` item; one of schema 1 was posted whole or not at all."""
    status = TransferStatus(cast("str", item["s"]))
    of_schema_1: Item = {"ap": item["a"] if status is TransferStatus.POSTED else 0, "ar": 0}
    progress = of_schema_1 if TRANSFER.of(item) == 1 else item
    return Transfer(
        id=cast("str", item["sk"]),
        status=status,
        source=cast("str", item["sr"]),
        destination=cast("str", item["ds"]),
        amount_minor=cast("int", item["a"]),
        posted_minor=cast("int", progress["ap"]),
        reversed_minor=cast("int", progress["ar"]),
        currency=cast("str", item["c"]),
        owner=cast("str", item["o"]),
        created_at=cast("int", item["t"]),
        expires_at=cast("int | None", item.get("x")),
        scheduled_for_at=cast("int | None", item.get("sf")),
        reverses=cast("str | None", item.get("rv")),
        batch=cast("str | None", item.get("bt")),
        decline_code=cast("str | None", item.get("dc")),
        description=cast("str | None", item.get("d")),
        metadata=cast("dict[str, str]", item.get("md", {})),
        version=cast("int", item["v"]),
    )


def restored(shown: Mapping[str, Any], owner: str) -> Transfer:
    """Return the transfer that callers were shown: together with its owner that is all there is of it."""
    return Transfer(
        id=shown["id"],
        status=TransferStatus(shown["status"]),
        source=shown["source"],
        destination=shown["destination"],
        amount_minor=shown["amount"],
        posted_minor=shown["amount_posted"],
        reversed_minor=shown["amount_reversed"],
        currency=shown["currency"],
        owner=owner,
        created_at=instant(shown["created_at"]),
        expires_at=instant(shown["expires_at"]) if "expires_at" in shown else None,
        scheduled_for_at=instant(shown["scheduled_for"]) if "scheduled_for" in shown else None,
        reverses=shown.get("reverses"),
        batch=shown.get("batch"),
        decline_code=shown.get("decline_code"),
        description=shown["description"],
        metadata=shown["metadata"],
        version=shown["version"],
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
        "amount_posted": transfer.posted_minor,
        "amount_reversed": transfer.reversed_minor,
        "currency": transfer.currency,
        "description": transfer.description,
        "metadata": transfer.metadata,
        "version": transfer.version,
        "created_at": to_rfc3339(transfer.created_at),
    }
    optional = {
        "expires_at": transfer.expires_at and to_rfc3339(transfer.expires_at),
        "scheduled_for": transfer.scheduled_for_at and to_rfc3339(transfer.scheduled_for_at),
        "reverses": transfer.reverses,
        "batch": transfer.batch,
        "decline_code": transfer.decline_code,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}


def attributes(transfer: Transfer, commit_key: str, schema: int = TRANSFER.written) -> Item:
    """Name attributes shortly and leave empty ones out: the item has to fit one write unit."""
    always: dict[str, Value] = {
        "s": transfer.status.value,
        "sr": transfer.source,
        "ds": transfer.destination,
        "a": transfer.amount_minor,
        "c": transfer.currency,
        "o": transfer.owner,
        "v": transfer.version,
        "t": transfer.created_at,
        "lc": commit_key,
        "sc": schema,
    }
    optional: dict[str, Value] = {
        "ap": None if schema == 1 else transfer.posted_minor,
        "ar": None if schema == 1 else transfer.reversed_minor,
        "x": transfer.expires_at,
        "sf": transfer.scheduled_for_at,
        "rv": transfer.reverses,
        "bt": transfer.batch,
        "dc": transfer.decline_code,
        "d": transfer.description,
        "md": dict(transfer.metadata) or None,
    }
    return always | {name: value for name, value in optional.items() if value is not None}
