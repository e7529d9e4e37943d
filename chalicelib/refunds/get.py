"""Reading one refund."""

from chalicelib.refunds.records import read_refund, resource
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer a refund; 404 for what is not the caller's."""
    return call.show(resource(read_refund(call.load("refund", call.request.path_parameters["id"]))))
