"""Voiding a transfer whose money has not moved: one read and one commit."""

from chalicelib.ledger.entry import NOTHING
from chalicelib.ledger.movements import release
from chalicelib.store.posting import Side
from chalicelib.transfers.records import moving, own_transfer, resource
from chalicelib.web.call import Call, Change, Reply


def void(call: Call) -> Reply:
    """Give held money back to its source, or call a scheduled transfer off."""
    before = own_transfer(call, call.request.path_parameters["id"])
    call.expect(before.version)
    after = before.void(now_at=call.now_at)
    held_minor = before.held_minor
    return call.commit(
        Change(
            operation="transfers.void",
            status=200,
            resource=resource(after),
            events=(f"transfer.{after.status.value}",),
            effects=(moving(call.tenant, before, after, call.commit_key),),
            entry=release(call.place(after.source), held_minor, after.currency) if held_minor else NOTHING,
            sides={after.source: Side("source")},
        )
    )
