"""A gateway event (proxy format 1.0) as a value; what no gateway would send is a fault, not a bad request."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the gateway matched it; header names are lower case.

    `resource` is the route the gateway authorized. Dispatch follows it and never matches the path again, so
    the route that was authorized is the route that runs.
    """

    request_id: str
    method: str
    resource: str
    path: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, tuple[str, ...]]
    body: bytes
    claims: Mapping[str, Any] | None
    api_key_id: str | None
    # As the gateway saw it; what X-Forwarded-For says is the caller's own words.
    source_ip: str = ""

    def header(self, name: str) -> str | None:
        """Return the last value of a header, as most servers do, or None."""
        values = self.headers.get(name)
        return values[-1] if values else None


def read_event(event: Mapping[str, Any]) -> Request:
    """Read an AWS_PROXY event of a REST API."""
    context = event["requestContext"]
    authorizer = context.get("authorizer") or {}
    identity = context.get("identity") or {}
    return Request(
        request_id=context["requestId"],
        method=event["httpMethod"],
        resource=event["resource"],
        path=event["path"],
        path_parameters=event.get("pathParameters") or {},
        query=_multi(event.get("multiValueQueryStringParameters")),
        headers={name.lower(): v for name, v in _multi(event.get("multiValueHeaders")).items()},
        body=_body(event),
        claims=authorizer.get("claims"),
        api_key_id=identity.get("apiKeyId"),
        source_ip=identity.get("sourceIp") or "",
    )


def _multi(values: Mapping[str, list[str]] | None) -> dict[str, tuple[str, ...]]:
    return {name: tuple(several) for name, several in (values or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    return b64decode(text) if event.get("isBase64Encoded") else text.encode()
