"""Reading one refund."""

from chalicelib.kernel.problems import Problem
from chalicelib.payments.records import visible_payment
from chalicelib.refunds.records import is_refund_id, read_refund, resource
from chalicelib.web.call import Call, Reply, missing


def get(call: Call) -> Reply:
    """Answer a refund to whoever sees its payment; 404 for everybody else."""
    identifier = call.request.path_parameters["id"]
    refund = read_refund(call.find("refund", identifier, is_refund_id))
    if not call.caller.may_see(refund.owner):
        try:
            visible_payment(call, refund.payment)
        except Problem:
            raise missing("refund", identifier) from None
    return call.show(resource(refund))
