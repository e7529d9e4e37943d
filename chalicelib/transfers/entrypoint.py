"""The transfers function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.transfers.batch import batch
from chalicelib.transfers.create import create
from chalicelib.transfers.due import happen
from chalicelib.transfers.get import get
from chalicelib.transfers.list import list_transfers
from chalicelib.transfers.post import post
from chalicelib.transfers.reverse import reverse
from chalicelib.transfers.schema import BatchTransfers, CreateTransfer, PostTransfer, ReverseTransfer, VoidTransfer
from chalicelib.transfers.void import void
from chalicelib.web.internal import Sweeper
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "transfers",
    {
        "POST /v1/transfers": Route(create, CreateTransfer, versioned=False),
        "GET /v1/transfers": Route(list_transfers),
        "POST /v1/transfers/batch": Route(batch, BatchTransfers, versioned=False),
        "GET /v1/transfers/{id}": Route(get),
        "POST /v1/transfers/{id}/post": Route(post, PostTransfer),
        "POST /v1/transfers/{id}/void": Route(void, VoidTransfer),
        "POST /v1/transfers/{id}/reverse": Route(reverse, ReverseTransfer),
    },
    open_bench,
)

sweeper = Sweeper("transfer", happen, open_bench)


@blueprint.lambda_function(name="transfers_due")
def sweep(event: dict[str, Any], context: Any) -> dict[str, int]:
    """End the holds whose time is over, execute what is scheduled; started by a schedule."""
    return sweeper(event, context)


@blueprint.lambda_function(name="transfers")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
