"""Reading one payment."""

from chalicelib.payments.records import resource, visible_payment
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer a payment; 404 for what is not the caller's to see."""
    return call.show(resource(visible_payment(call, call.request.path_parameters["id"])))
