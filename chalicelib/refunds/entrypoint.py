"""The refunds function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.refunds.create import create
from chalicelib.refunds.get import get
from chalicelib.refunds.list import list_refunds
from chalicelib.refunds.schema import CreateRefund
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "refunds",
    {
        "POST /v1/refunds": Route(create, CreateRefund),
        "GET /v1/refunds": Route(list_refunds),
        "GET /v1/refunds/{id}": Route(get),
    },
    open_bench,
)


@blueprint.lambda_function(name="refunds")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
