"""Gives back what it was sent: all of the time is the gateway's and the runtime's."""

import os
from typing import Any


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer with the request's own body."""
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": event["body"]}


def handle_or_crash(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the request's own body, or not at all."""
    if '"crash"' in event["body"]:
        os._exit(1)
    return handle(event, context)
