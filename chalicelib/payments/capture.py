"""Capturing a payment: one read and one commit."""

from chalicelib.ledger.movements import post
from chalicelib.payments.fees import charge, fee_of, fee_sides
from chalicelib.payments.records import moving, resource, visible_payment
from chalicelib.payments.schema import CapturePayment
from chalicelib.store.posting import Side
from chalicelib.web.call import Call, Change, Reply


def capture(call: Call) -> Reply:
    """Take all or part of what an authorized payment holds."""
    wanted: CapturePayment = call.body
    before = visible_payment(call, call.request.path_parameters["id"])
    call.expect(before.version)
    captured = before.capture(wanted.amount, final=wanted.final, now_at=call.now_at)
    taken_minor = captured.captured_minor - before.captured_minor
    after = captured.charged(fee_of(call, captured.payee), taken_minor)
    payee = call.place(after.payee)
    entry = post(
        call.place(after.payer),
        payee,
        taken_minor,
        after.currency,
        released_minor=before.held_minor - taken_minor - after.held_minor,
    )
    return call.commit(
        Change(
            operation="payments.capture",
            status=200,
            resource=resource(after),
            events=(f"payment.{after.status.value}",),
            effects=(moving(call.tenant, before, after, call.commit_key),),
            entry=charge(call, entry, payee, before, after),
            sides={after.payer: Side("payer"), after.payee: Side("payee"), **fee_sides(call, after.payee)},
        )
    )
