"""Reversing a transfer: a new one back, capped by the version of the one it reverses; one read and one commit."""

from chalicelib.kernel.problems import FORBIDDEN
from chalicelib.ledger.movements import move
from chalicelib.store.commit import Event
from chalicelib.store.posting import Side
from chalicelib.transfers.create import declined, require_scope
from chalicelib.transfers.records import making, moving, resource, visible_transfer
from chalicelib.transfers.schema import ReverseTransfer
from chalicelib.transfers.transfer import PREFIX, Transfer, TransferStatus
from chalicelib.web.call import Call, Change, Reply


def reverse(call: Call) -> Reply:
    """Give back all or part of what was posted; the destination's owner, its mandate or an operator may do it."""
    wanted: ReverseTransfer = call.body
    before = visible_transfer(call, call.request.path_parameters["id"])
    call.expect(before.version)
    after = before.reverse(wanted.amount)
    require_scope(call, after.source, after.destination)
    reversal = _reversal(call, after, after.reversed_minor - before.reversed_minor)
    authority = None if call.caller.is_operator else call.caller.principal
    return call.commit(
        Change(
            operation="transfers.reverse",
            status=201,
            resource=resource(reversal) | {"original": resource(after)},
            events=("transfer.posted",),
            more_events=(Event("transfer.reversed", after.id, after.version),),
            effects=(
                *making(call.tenant, reversal, call.commit_key),
                moving(call.tenant, before, after, call.commit_key),
            ),
            entry=move(
                call.place(reversal.source),
                call.place(reversal.destination),
                reversal.amount_minor,
                reversal.currency,
            ),
            sides={
                reversal.source: Side("destination", authority, unauthorised=FORBIDDEN),
                reversal.destination: Side("source"),
            },
            on_decline=lambda problem: declined(call, reversal, problem),
        )
    )


def _reversal(call: Call, original: Transfer, amount_minor: int) -> Transfer:
    return Transfer(
        id=call.new_id(PREFIX),
        status=TransferStatus.POSTED,
        source=original.destination,
        destination=original.source,
        amount_minor=amount_minor,
        posted_minor=amount_minor,
        currency=original.currency,
        owner=call.caller.principal,
        created_at=call.now_at,
        reverses=original.id,
    )
