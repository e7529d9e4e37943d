"""Listing payments: the operator's view of the tenant."""

from chalicelib.payments.records import is_payment_id, read_payment, resource
from chalicelib.web.call import Call, Reply


def list_payments(call: Call) -> Reply:
    """Answer a page of payments, newest first."""
    return call.page("payment", is_payment_id, lambda item: resource(read_payment(item)))
