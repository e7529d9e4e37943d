"""Replies as the gateway expects them from a proxy integration (format 1.0)."""

from typing import Any

from chalicelib.kernel.problems import Problem
from chalicelib.web.call import Reply
from chalicelib.web.problem_json import CONTENT_TYPE, document


def problem_reply(problem: Problem, request_id: str) -> Reply:
    """Render a refusal; a caller that may try again is told when."""
    seconds = problem.kind.retry_after_seconds
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Reply(problem.kind.status, document(problem, request_id), CONTENT_TYPE, headers)


def to_gateway(reply: Reply) -> dict[str, Any]:
    """Return the proxy answer; answers about money are never cached on the way."""
    headers = {"Content-Type": reply.content_type, "Cache-Control": "no-store"}
    headers |= reply.headers or {}
    return {
        "statusCode": reply.status,
        "headers": headers,
        "body": reply.body.decode(),
        "isBase64Encoded": False,
    }
