"""Cancelling what is left of an authorization: one read and one commit."""

from chalicelib.ledger.movements import release
from chalicelib.payments.records import resource, visible_payment
from chalicelib.payments.reference import ending
from chalicelib.store.posting import Side
from chalicelib.web.call import Call, Change, Reply


def cancel(call: Call) -> Reply:
    """Give the held funds back to the payer; what was captured stays captured."""
    before = visible_payment(call, call.request.path_parameters["id"])
    call.expect(before.version)
    after = before.cancel()
    return call.commit(
        Change(
            operation="payments.cancel",
            status=200,
            resource=resource(after),
            events=(f"payment.{after.status.value}",),
            effects=ending(call.tenant, before, after, call.commit_key),
            entry=release(call.place(after.payer), before.held_minor, after.currency),
            sides={after.payer: Side("payer")},
        )
    )
