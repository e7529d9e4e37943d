"""The events function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.events.get import get
from chalicelib.events.list import list_events
from chalicelib.web.serve import Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "events",
    {
        "GET /v1/events": Route(list_events),
        "GET /v1/events/{id}": Route(get),
    },
    open_bench,
)


@blueprint.lambda_function(name="events")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
