"""The test clock's function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.clocks.advance import advance
from chalicelib.clocks.get import get
from chalicelib.clocks.schema import AdvanceClock
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "clocks",
    {
        "POST /v1/test_clock": Route(advance, AdvanceClock),
        "GET /v1/test_clock": Route(get),
    },
    open_bench,
)


@blueprint.lambda_function(name="clocks")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
