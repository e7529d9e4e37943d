"""Reading one transfer."""

from chalicelib.transfers.records import is_transfer_id, read_transfer, resource
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer a transfer; 404 for what is not the caller's."""
    return call.show(resource(read_transfer(call.load("transfer", call.request.path_parameters["id"], is_transfer_id))))
