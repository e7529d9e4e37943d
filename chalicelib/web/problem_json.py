"""Problems as documents (RFC 9457): the one renderer of everything that is refused."""

from typing import Any

import orjson

from chalicelib.kernel.problems import TYPE_ROOT, Problem

CONTENT_TYPE = "application/problem+json"


def document(problem: Problem, instance: str, **more: str) -> bytes:
    """Return the JSON document of a problem; `instance` is the id of the request that met it."""
    kind = problem.kind
    body: dict[str, Any] = {
        "type": TYPE_ROOT + kind.code,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": instance,
        "code": kind.code,
    }
    if problem.param is not None:
        body["param"] = problem.param
    if kind.declines:
        body["decline_code"] = kind.code
    if problem.index is not None:
        body["index"] = problem.index
    if problem.errors:
        body["errors"] = list(problem.errors)
    return orjson.dumps(body | more)
