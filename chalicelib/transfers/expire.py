"""Ending a hold at its `expires_at`: one commit, started by the sweeper."""

from chalicelib.ledger.movements import release
from chalicelib.store.posting import Side
from chalicelib.transfers.records import moving, resource
from chalicelib.transfers.transfer import Transfer
from chalicelib.web.call import Call, Change, Reply
from chalicelib.web.internal import under


def expire(call: Call, before: Transfer) -> Reply:
    """Give the held money back to its source."""
    after = before.expire()
    work = under(call, f"expire/{before.id}")
    return work.commit(
        Change(
            operation="transfers.expire",
            status=200,
            resource=resource(after),
            events=("transfer.expired",),
            effects=(moving(call.tenant, before, after, work.commit_key),),
            entry=release(call.place(after.source), before.held_minor, after.currency),
            sides={after.source: Side("source")},
        )
    )
