"""Reading one transfer."""

from chalicelib.transfers.records import resource, visible_transfer
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer a transfer; 404 for what is not the caller's to see."""
    return call.show(resource(visible_transfer(call, call.request.path_parameters["id"])))
