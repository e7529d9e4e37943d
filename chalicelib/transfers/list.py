"""Listing transfers: the operator's view of the tenant."""

from chalicelib.transfers.records import is_transfer_id, read_transfer, resource
from chalicelib.web.call import Call, Reply


def list_transfers(call: Call) -> Reply:
    """Answer a page of transfers, newest first."""
    return call.page("transfer", is_transfer_id, lambda item: resource(read_transfer(item)))
