"""Reading one payment."""

from chalicelib.payments.records import read_payment, resource
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer a payment; 404 for what is not the caller's."""
    return call.show(resource(read_payment(call.load("payment", call.request.path_parameters["id"]))))
