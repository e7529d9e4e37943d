"""Making a transfer: at once, as a hold, or for later; decided by conditions, at once without a read."""

from dataclasses import replace
from typing import Final

from chalicelib.kernel.clock import DAY_SECONDS, SECOND_MS
from chalicelib.kernel.problems import ACCOUNT_KIND_NOT_ALLOWED, INVALID_REQUEST, SAME_ACCOUNT, Problem
from chalicelib.ledger.chart import AccountKind, has_floor, kind_of
from chalicelib.ledger.entry import NOTHING, Entry
from chalicelib.ledger.movements import hold, move
from chalicelib.store.posting import Side
from chalicelib.transfers.records import making, resource
from chalicelib.transfers.schema import HOLD_SECONDS, CreateTransfer, OneTransfer
from chalicelib.transfers.transfer import PREFIX, Transfer, TransferStatus
from chalicelib.web.call import Call, Change, Reply

_SOURCES: Final = frozenset({AccountKind.WALLET, AccountKind.EXTERNAL})
"""A merchant's clearing has no floor: it pays out by settlement, never by a transfer."""

FURTHEST_DAYS: Final = 366
"""A transfer may be scheduled for the same date next year, whatever the year."""


def create(call: Call) -> Reply:
    """Move money, hold it, or schedule it; the source must be the caller's own, or under a mandate given to it."""
    wanted: CreateTransfer = call.body
    refuse_impossible(call, wanted)
    _refuse_hold_without_floor(wanted)
    transfer = _asked(call, wanted)
    _look_ahead(call, transfer)
    return call.commit(
        Change(
            operation="transfers.create",
            status=201,
            resource=resource(transfer),
            events=(f"transfer.{transfer.status.value}",),
            effects=making(call.tenant, transfer, call.commit_key),
            entry=_entry(call, transfer),
            sides={
                transfer.source: Side("source", authority=call.caller.principal),
                transfer.destination: Side("destination"),
            },
            on_decline=lambda problem: declined(call, transfer, problem),
        )
    )


def refuse_impossible(call: Call, wanted: OneTransfer) -> None:
    """Refuse what the ids alone show to be impossible (422), or to need a scope (403)."""
    if wanted.source == wanted.destination:
        raise Problem(SAME_ACCOUNT, "source and destination are the same.", param="destination")
    require_scope(call, wanted.source, wanted.destination)
    if kind_of(wanted.source) not in _SOURCES:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Transfers come from wallets or external accounts.", param="source")


def require_scope(call: Call, source: str, destination: str) -> None:
    """Refuse (403) to let money enter or leave the ledger without the scope for it."""
    if AccountKind.EXTERNAL in {kind_of(source), kind_of(destination)}:
        call.caller.require_scope("external:write")


def immediate(call: Call, wanted: OneTransfer) -> Transfer:
    """Return the transfer that is asked for, as it stands when its money has moved."""
    return Transfer(
        id=call.new_id(PREFIX),
        status=TransferStatus.POSTED,
        source=wanted.source,
        destination=wanted.destination,
        amount_minor=wanted.amount,
        posted_minor=wanted.amount,
        currency=wanted.currency,
        owner=call.caller.principal,
        created_at=call.now_at,
        description=wanted.description,
        metadata=wanted.metadata,
    )


def declined(call: Call, transfer: Transfer, problem: Problem) -> Change:
    """A decline is a commit of its own: the transfer exists, in status declined, and moves no money."""
    refused = replace(
        transfer,
        status=TransferStatus.DECLINED,
        posted_minor=0,
        expires_at=None,
        decline_code=problem.kind.code,
    )
    return Change(
        operation="transfers.reverse" if transfer.reverses else "transfers.create",
        status=problem.kind.status,
        resource=resource(refused),
        events=("transfer.declined",),
        effects=making(call.tenant, refused, call.commit_key),
    )


def _refuse_hold_without_floor(wanted: CreateTransfer) -> None:
    """Where nothing limits what is spent, setting aside means nothing."""
    if wanted.mode == "hold" and not has_floor(wanted.source):
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Only wallets hold money.", param="source")


def _asked(call: Call, wanted: CreateTransfer) -> Transfer:
    transfer = immediate(call, wanted)
    if wanted.mode == "hold":
        expires_at = call.now_at + (wanted.expires_in_seconds or HOLD_SECONDS) * SECOND_MS
        return replace(transfer, status=TransferStatus.HELD, posted_minor=0, expires_at=expires_at)
    if wanted.scheduled_for_at is not None:
        _require_future(call, wanted.scheduled_for_at)
        return replace(
            transfer,
            status=TransferStatus.SCHEDULED,
            posted_minor=0,
            scheduled_for_at=wanted.scheduled_for_at,
        )
    return transfer


def _require_future(call: Call, scheduled_for_at: int) -> None:
    furthest_at = call.now_at + FURTHEST_DAYS * DAY_SECONDS * SECOND_MS
    if not call.now_at < scheduled_for_at <= furthest_at:
        detail = f"must be in the future, and at most {FURTHEST_DAYS} days away"
        row = {"param": "scheduled_for", "detail": detail}
        raise Problem(INVALID_REQUEST, f"scheduled_for: {detail}", param="scheduled_for", errors=(row,))


def _look_ahead(call: Call, transfer: Transfer) -> None:
    """Ask for the accounts that the commit does not touch: nothing else would notice that there are none."""
    if transfer.status is TransferStatus.SCHEDULED:
        authority = call.caller.principal
        call.require_creditable(transfer.source, transfer.currency, param="source", authority=authority)
    if transfer.due_at is not None:
        call.require_creditable(transfer.destination, transfer.currency, param="destination")


def _entry(call: Call, transfer: Transfer) -> Entry:
    match transfer.status:
        case TransferStatus.SCHEDULED:
            return NOTHING
        case TransferStatus.HELD:
            return hold(call.place(transfer.source), transfer.amount_minor, transfer.currency)
        case _:
            source, destination = call.place(transfer.source), call.place(transfer.destination)
            return move(source, destination, transfer.amount_minor, transfer.currency)
