"""Refunding a payment: one read and one commit, capped by the payment's own version."""

from dataclasses import replace

from chalicelib.kernel.problems import FORBIDDEN, Problem
from chalicelib.ledger.movements import move
from chalicelib.payments.records import moving, visible_payment
from chalicelib.refunds.records import making, resource
from chalicelib.refunds.refund import PREFIX, Refund, RefundStatus
from chalicelib.refunds.schema import CreateRefund
from chalicelib.store.commit import Event
from chalicelib.store.posting import Side
from chalicelib.web.call import Call, Change, Reply


def create(call: Call) -> Reply:
    """Give back all or part of what was captured; the payee's owner or an operator may do it."""
    wanted: CreateRefund = call.body
    before = visible_payment(call, wanted.payment)
    call.expect(before.version)
    after = before.refund(wanted.amount)
    refund = Refund(
        id=call.new_id(PREFIX),
        status=RefundStatus.SUCCEEDED,
        payment=after.id,
        amount_minor=after.refunded_minor - before.refunded_minor,
        currency=after.currency,
        owner=after.owner,
        created_at=call.now_at,
    )
    authority = None if call.caller.is_operator else call.caller.principal
    return call.commit(
        Change(
            operation="refunds.create",
            status=201,
            resource=resource(refund),
            events=("refund.succeeded",),
            effects=(
                making(call.tenant, refund, call.commit_key),
                moving(call.tenant, before, after, call.commit_key),
            ),
            entry=move(
                call.place(after.payee),
                call.place(after.payer),
                refund.amount_minor,
                refund.currency,
            ),
            sides={
                after.payee: Side("payment", authority, unauthorised=FORBIDDEN),
                after.payer: Side("payment"),
            },
            on_decline=lambda problem: _declined(call, refund, problem),
            more_events=(Event("payment.refunded", after.id, after.version),),
        )
    )


def _declined(call: Call, refund: Refund, problem: Problem) -> Change:
    """A decline is a commit of its own: the refund exists, in status declined, and moves no money."""
    declined = replace(refund, status=RefundStatus.DECLINED, decline_code=problem.kind.code)
    return Change(
        operation="refunds.create",
        status=problem.kind.status,
        resource=resource(declined),
        events=("refund.declined",),
        effects=(making(call.tenant, declined, call.commit_key),),
    )
