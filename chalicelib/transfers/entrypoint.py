"""The transfers function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.transfers.create import create
from chalicelib.transfers.get import get
from chalicelib.transfers.list import list_transfers
from chalicelib.transfers.schema import CreateTransfer
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "transfers",
    {
        "POST /v1/transfers": Route(create, CreateTransfer, versioned=False),
        "GET /v1/transfers": Route(list_transfers),
        "GET /v1/transfers/{id}": Route(get),
    },
    open_bench,
)


@blueprint.lambda_function(name="transfers")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
