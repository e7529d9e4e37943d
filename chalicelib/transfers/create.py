"""Making a transfer: one round trip, decided by conditions and not by reads."""

from dataclasses import replace
from typing import Final

from chalicelib.kernel.problems import ACCOUNT_KIND_NOT_ALLOWED, SAME_ACCOUNT, Problem
from chalicelib.ledger.chart import AccountKind, kind_of
from chalicelib.ledger.movements import move
from chalicelib.store.posting import Side
from chalicelib.transfers.records import making, resource
from chalicelib.transfers.schema import CreateTransfer
from chalicelib.transfers.transfer import PREFIX, Transfer, TransferStatus
from chalicelib.web.call import Call, Change, Reply

_SOURCES: Final = frozenset({AccountKind.WALLET, AccountKind.EXTERNAL})
"""A merchant's clearing has no floor: it pays out by settlement, never by a transfer."""


def create(call: Call) -> Reply:
    """Move money at once; the source must be the caller's own, or under a mandate given to it."""
    wanted: CreateTransfer = call.body
    _refuse_impossible(call, wanted)
    transfer = Transfer(
        id=call.new_id(PREFIX),
        status=TransferStatus.POSTED,
        source=wanted.source,
        destination=wanted.destination,
        amount_minor=wanted.amount,
        currency=wanted.currency,
        owner=call.caller.principal,
        created_at=call.now_at,
    )
    source, destination = call.place(wanted.source), call.place(wanted.destination)
    return call.commit(
        Change(
            operation="transfers.create",
            status=201,
            resource=resource(transfer),
            events=("transfer.posted",),
            effects=(making(call.tenant, transfer, call.commit_key),),
            entry=move(source, destination, wanted.amount, wanted.currency),
            sides={
                wanted.source: Side("source", authority=call.caller.principal),
                wanted.destination: Side("destination"),
            },
            on_decline=lambda problem: _declined(call, transfer, problem),
        )
    )


def _refuse_impossible(call: Call, wanted: CreateTransfer) -> None:
    """Refuse what the ids alone show to be impossible (422), or to need a scope (403)."""
    if wanted.source == wanted.destination:
        raise Problem(SAME_ACCOUNT, "source and destination are the same.", param="destination")
    kinds = {kind_of(wanted.source), kind_of(wanted.destination)}
    if AccountKind.EXTERNAL in kinds:
        call.caller.require_scope("external:write")
    if kind_of(wanted.source) not in _SOURCES:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Transfers come from wallets or external accounts.", param="source")


def _declined(call: Call, transfer: Transfer, problem: Problem) -> Change:
    """A decline is a commit of its own: the transfer exists, in status declined, and moves no money."""
    declined = replace(transfer, status=TransferStatus.DECLINED, decline_code=problem.kind.code)
    return Change(
        operation="transfers.create",
        status=problem.kind.status,
        resource=resource(declined),
        events=("transfer.declined",),
        effects=(making(call.tenant, declined, call.commit_key),),
    )
