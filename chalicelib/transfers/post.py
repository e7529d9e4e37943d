"""Posting a held transfer: one read and one commit."""

from chalicelib.ledger import movements
from chalicelib.store.posting import Side
from chalicelib.transfers.create import require_scope
from chalicelib.transfers.records import moving, own_transfer, resource
from chalicelib.transfers.schema import PostTransfer
from chalicelib.web.call import Call, Change, Reply


def post(call: Call) -> Reply:
    """Move all or part of what a transfer holds; the rest goes back to what its source can spend."""
    wanted: PostTransfer = call.body
    before = own_transfer(call, call.request.path_parameters["id"])
    call.expect(before.version)
    after = before.post(wanted.amount, now_at=call.now_at)
    require_scope(call, after.source, after.destination)
    entry = movements.post(
        call.place(after.source),
        call.place(after.destination),
        after.posted_minor,
        after.currency,
        released_minor=before.held_minor - after.posted_minor,
    )
    return call.commit(
        Change(
            operation="transfers.post",
            status=200,
            resource=resource(after),
            events=("transfer.posted",),
            effects=(moving(call.tenant, before, after, call.commit_key),),
            entry=entry,
            sides={after.source: Side("source"), after.destination: Side("destination")},
        )
    )
