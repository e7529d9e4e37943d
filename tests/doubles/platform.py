"""The platform's functions driven by gateway events, on any store, without a gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import orjson

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance
from chalicelib.store.keys import client_key, tenant_key
from chalicelib.store.port import Dynamo, Put
from chalicelib.web.call import Bench
from chalicelib.web.metrics import Metrics
from chalicelib.web.serve import Route, Service
from tests.doubles.time_and_chance import HandClock, SeededChance

ROOMS = ("accounts", "payments", "refunds", "transfers", "events", "clocks")
SCOPES = (
    "accounts:read accounts:write payments:read payments:write refunds:read refunds:write "
    "transfers:read transfers:write events:read clocks:read clocks:write external:write"
)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, as its token's claims would show it."""

    client_id: str = "cl_operator"
    principal: str = "prn_operator"
    role: str = "operator"
    tenant: str = "demo.live"
    scope: str = SCOPES

    def claims(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "principal": self.principal,
            "role": self.role,
            "tenant": self.tenant,
            "scope": self.scope,
            "api_key_id": f"key_{self.client_id}",
            "token_use": "access",
        }


@dataclass(frozen=True, slots=True)
class Response:
    """What the gateway would send on."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


class Context:
    """The part of a Lambda context the functions use."""

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(slots=True)
class Platform:
    """All rooms on one store; `request` finds the route as the gateway does."""

    dynamo: Dynamo
    clock: Clock = field(default_factory=HandClock)
    chance: Chance = field(default_factory=SeededChance)
    services: list[Service] = field(init=False)
    bench: Bench = field(init=False)
    requests: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        bench = self.bench = Bench(self.dynamo, self.clock, self.chance, Metrics("test"))
        rooms = [import_module(f"chalicelib.{room}.entrypoint").service for room in ROOMS]
        self.services = [Service(room.name, room.routes, lambda: bench) for room in rooms]

    def register(self, client: Client, status: str = "active") -> Client:
        """Make the client known, as the tokens room would find it."""
        status_item = {"status": status, "tenant": client.tenant}
        writes = [Put(client_key(client.client_id), status_item), Put(tenant_key(client.tenant), {})]
        self.dynamo.transact(writes, token=client.client_id + status, timeout_seconds=5)
        return client

    def request(
        self,
        client: Client | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        raw: str | None = None,
        api_key_id: str | None = None,
    ) -> Response:
        """Send one request through the room that has its route."""
        service, resource, parameters = self._route(method, path)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        self.requests += 1
        text = raw if raw is not None else (None if body is None else orjson.dumps(body).decode())
        event = _event(method, path, resource, parameters, sent, query or {}, text, f"req-{self.requests}")
        if client is not None:
            event["requestContext"]["authorizer"] = {"claims": client.claims()}
            event["requestContext"]["identity"]["apiKeyId"] = api_key_id or f"key_{client.client_id}"
        answer = service(event, Context())
        return Response(answer["statusCode"], answer["headers"], answer["body"])

    def _route(self, method: str, path: str) -> tuple[Service, str, dict[str, str]]:
        for service in self.services:
            for route in service.routes:
                known_method, _, resource = route.partition(" ")
                parameters = _match(resource, path)
                if known_method == method and parameters is not None:
                    return service, resource, parameters
        raise LookupError(f"no room has {method} {path}")


def _match(resource: str, path: str) -> dict[str, str] | None:
    wanted, given = resource.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    pairs = list(zip(wanted, given, strict=True))
    if any(part != value and not part.startswith("{") for part, value in pairs):
        return None
    return {part.strip("{}"): value for part, value in pairs if part.startswith("{")}


def _event(
    method: str,
    path: str,
    resource: str,
    parameters: dict[str, str],
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: str | None,
    request_id: str,
) -> dict[str, Any]:
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": {n: [v] for n, v in query.items()} or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {"requestId": request_id, "identity": {}, "resourcePath": resource},
        "body": body,
        "isBase64Encoded": False,
    }


def routes_of(room: str) -> dict[str, Route]:
    """Return a room's table of routes."""
    routes: dict[str, Route] = import_module(f"chalicelib.{room}.entrypoint").service.routes
    return routes
