"""Listing refunds: the operator's view of the tenant."""

from chalicelib.refunds.records import is_refund_id, read_refund, resource
from chalicelib.web.call import Call, Reply


def list_refunds(call: Call) -> Reply:
    """Answer a page of refunds, newest first."""
    return call.page("refund", is_refund_id, lambda item: resource(read_refund(item)))
