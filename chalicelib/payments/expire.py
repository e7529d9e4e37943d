"""Ending a hold at its `capture_before`: one read and one commit, started by the sweeper."""

from chalicelib.ledger.movements import release
from chalicelib.payments.records import is_payment_id, read_payment, resource
from chalicelib.payments.reference import ending
from chalicelib.store.posting import Side
from chalicelib.web.call import Call, Change, Reply
from chalicelib.web.internal import under


def expire(call: Call, identifier: str) -> Reply | None:
    """Give the held funds back to the payer; None when nothing is held any more, or it is not time yet."""
    before = read_payment(call.find("payment", identifier, is_payment_id))
    if not before.is_due(call.now_at):
        return None
    after = before.expire()
    work = under(call, f"expire/{identifier}")
    return work.commit(
        Change(
            operation="payments.expire",
            status=200,
            resource=resource(after),
            events=(f"payment.{after.status.value}",),
            effects=ending(call.tenant, before, after, work.commit_key),
            entry=release(call.place(after.payer), before.held_minor, after.currency),
            sides={after.payer: Side("payer")},
        )
    )
