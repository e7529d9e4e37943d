"""One request on its way through the chain: what came in, and what each step has found out so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

from emulator.definition import Method, Mock
from emulator.gateway.errors import Refusal

Randomness = Callable[[int], bytes]
TooLarge = Literal["head", "body"]


@dataclass(slots=True)
class Request:
    """What the HTTP layer hands over; nothing in it is decoded or repaired.

    `too_large` says which limit the HTTP layer stopped reading at.
    """

    method: str
    raw_path: str
    raw_query: bytes
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"
    too_large: TooLarge | None = None


@dataclass(slots=True)
class Headers:
    """`values` and `multi` keep the names as the client wrote them; `lower` is for looking up."""

    values: dict[str, str] = field(default_factory=dict)
    multi: dict[str, list[str]] = field(default_factory=dict)
    lower: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Query:
    values: dict[str, str] = field(default_factory=dict)
    multi: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that passed: its claims, once as values and once as the JSON that events carry."""

    claims: Mapping[str, Any]
    claims_json: orjson.Fragment
    scopes: frozenset[str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Permit:
    """What a Lambda authorizer says of a caller: `values` is its context as text, `usage_key` may be empty."""

    principal: str
    values: Mapping[str, str]
    usage_key: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    value: str
    plan: str


@dataclass(slots=True)
class Integration:
    """How the integration went, for the access log; times in milliseconds, `headers` of what a mapping may name."""

    status: int | None = None
    latency: int | None = None
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(slots=True)
class Reply:
    """The answer as it goes out, before the gateway's own headers."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Ids(NamedTuple):
    """Made for every request, refused ones too: a tuple costs a third of a frozen dataclass."""

    request_id: str
    extended_request_id: str
    trace_id: str


# Stands for "no resource": it is what a request has that matched nothing.
UNROUTED = Method("", "", Mock({}, ()))
# Shared by all requests without: nobody writes to these.
_NOTHING: Mapping[str, str] = {}
_NO_HEADERS = Headers()
_NO_QUERY = Query()


@dataclass(slots=True)
class Exchange:
    """`arrived_at` is wall-clock, `begun_at` steady; both in milliseconds."""

    request: Request
    ids: Ids
    arrived_at: int
    begun_at: int
    headers: Headers = field(default_factory=lambda: _NO_HEADERS)
    query: Query = field(default_factory=lambda: _NO_QUERY)
    method: Method = UNROUTED
    path_parameters: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    verified: Verified | None = None
    permit: Permit | None = None
    authorizer_error: str = ""
    authorizer_latency: int = 0
    key: ApiKey | None = None
    integration: Integration = field(default_factory=Integration)
    refusal: Refusal | None = None
    reply: Reply | None = None
    latency: int = 0


def media_type_of(exchange: Exchange) -> str:
    """The content type without parameters; a request that names none counts as JSON."""
    return exchange.headers.lower.get("content-type", "application/json").partition(";")[0].strip().lower()


def new_ids(randomness: Randomness, arrived_at: int) -> Ids:
    """Request id (UUID 4), extended id (CloudFront's shape) and X-Ray root, from one draw of chance."""
    drawn = randomness(38)
    digits = drawn.hex()
    variant = "89ab"[drawn[8] & 3]
    return Ids(
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}",
        f"{digits[32:47]}=",
        f"Root=1-{arrived_at // 1000:08x}-{digits[52:]}",
    )


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clf_time(at: int) -> str:
    """`09/Apr/2015:12:34:56 +0000`, of milliseconds since the epoch."""
    return _clf_second(at // 1000)


@lru_cache(maxsize=8)
def _clf_second(second: int) -> str:
    then = datetime.fromtimestamp(second, UTC)
    return f"{then:%d}/{_MONTHS[then.month - 1]}/{then:%Y:%H:%M:%S} +0000"
