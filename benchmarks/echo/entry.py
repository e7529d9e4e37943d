"""Gives back what it was sent: all of the time is the gateway's and the runtime's."""

from typing import Any


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer with the request's own body."""
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": event["body"]}
