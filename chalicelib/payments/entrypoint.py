"""The payments function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.payments.cancel import cancel
from chalicelib.payments.capture import capture
from chalicelib.payments.create import create
from chalicelib.payments.expire import expire
from chalicelib.payments.get import get
from chalicelib.payments.history import history
from chalicelib.payments.list import list_payments
from chalicelib.payments.schema import CancelPayment, CapturePayment, CreatePayment
from chalicelib.web.internal import Sweeper
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "payments",
    {
        "POST /v1/payments": Route(create, CreatePayment, versioned=False),
        "GET /v1/payments": Route(list_payments),
        "GET /v1/payments/{id}": Route(get),
        "GET /v1/payments/{id}/history": Route(history),
        "POST /v1/payments/{id}/capture": Route(capture, CapturePayment),
        "POST /v1/payments/{id}/cancel": Route(cancel, CancelPayment),
    },
    open_bench,
)

sweeper = Sweeper("payment", expire, open_bench)


@blueprint.lambda_function(name="payments_due")
def sweep(event: dict[str, Any], context: Any) -> dict[str, int]:
    """End the holds whose time is over; started by a schedule."""
    return sweeper(event, context)


@blueprint.lambda_function(name="payments")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
