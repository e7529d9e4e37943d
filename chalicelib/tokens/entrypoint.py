"""The tokens function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.tokens.desk import open_desk
from chalicelib.tokens.issue import issue
from chalicelib.web.serve import OpenRoute, Service

blueprint = Blueprint(__name__)

service = Service("tokens", {"POST /oauth2/token": OpenRoute(issue)}, open_desk)


@blueprint.lambda_function(name="tokens")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
