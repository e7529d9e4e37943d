"""HTTP integrations: the request to an existing HTTP service, as it came or as it is mapped, and its answer.

Sources: API Gateway developer guide, "Set up HTTP integrations" and "Amazon API Gateway important notes" (headers).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

import urllib3

from emulator.clock import Clock
from emulator.definition import Deployment, Http
from emulator.gateway.context import Exchange, Reply
from emulator.gateway.errors import Refusal
from emulator.gateway.mapped import MappedResponses
from emulator.gateway.proxy_answer import REMAPPED
from emulator.gateway.variables import Resolver, Variables

AT_ONCE = 64
CONNECT_SECONDS = 5.0
# What belongs to one connection, and what the client library says itself.
_OWN = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "host", "content-length", "expect"}
)
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9._-]+)\+?\}")

# A connection that is refused at once is a timeout in urllib3's family of errors, and none here.
_LATE = (TimeoutError, urllib3.exceptions.TimeoutError)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """`responses` is None for a proxy."""

    uri: str
    path: Mapping[str, Resolver]
    query: Mapping[str, Resolver]
    headers: Mapping[str, Resolver]
    responses: MappedResponses | None


@dataclass(slots=True)
class HttpIntegrations:
    """The HTTP integrations of a deployment, by method; calls are made in threads, by urllib3."""

    compiled: dict[str, _Compiled]
    api_id: str
    clock: Clock
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=AT_ONCE, retries=False))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "http"))

    @classmethod
    def of(cls, deployment: Deployment, variables: Variables, clock: Clock) -> HttpIntegrations:
        """Compile every HTTP integration."""
        compiled = {
            method.label: _compile(method.integration, variables)
            for method in deployment.api.methods
            if isinstance(method.integration, Http)
        }
        return cls(compiled, deployment.api_id, clock)

    async def answer(self, exchange: Exchange, integration: Http) -> Reply:
        """Refuses with INTEGRATION_TIMEOUT and INTEGRATION_FAILURE (504 both, as for any HTTP endpoint)."""
        answer = await self._within(exchange, integration)
        exchange.integration.status = answer.status
        responses = self.compiled[exchange.method.label].responses
        if responses is None:
            return Reply(answer.status, _answer_headers(answer.headers), answer.data)
        exchange.integration.headers = {name.lower(): value for name, value in answer.headers.items()}
        rendering = responses.chosen(str(answer.status))
        reply = rendering.reply(exchange)
        if not rendering.templates:
            reply.body = answer.data
        return reply

    async def _within(self, exchange: Exchange, integration: Http) -> urllib3.BaseHTTPResponse:
        begun = self.clock.steady()
        call = asyncio.get_running_loop().run_in_executor(self.threads, self._call, exchange, integration)
        try:
            return await asyncio.wait_for(call, integration.timeout_ms / 1000)
        except (TimeoutError, urllib3.exceptions.HTTPError) as failure:
            late = isinstance(failure, _LATE) and not isinstance(failure, urllib3.exceptions.NewConnectionError)
            exchange.integration.error = "timeout" if late else type(failure).__name__
            raise Refusal("INTEGRATION_TIMEOUT" if late else "INTEGRATION_FAILURE") from failure
        finally:
            exchange.integration.latency = self.clock.steady() - begun

    def _call(self, exchange: Exchange, integration: Http) -> urllib3.BaseHTTPResponse:
        compiled = self.compiled[exchange.method.label]
        seconds = integration.timeout_ms / 1000
        request = exchange.request
        return self.pool.request(
            request.method if integration.method == "ANY" else integration.method,
            _url(compiled, exchange),
            body=request.body or None,
            headers=self._headers(compiled, exchange),
            redirect=False,
            # What is mapped is read, so it has to be plain; a proxy's answer stays as it was packed.
            decode_content=compiled.responses is not None,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
        )

    def _headers(self, compiled: _Compiled, exchange: Exchange) -> urllib3.HTTPHeaderDict:
        headers = _passed_on(exchange) if compiled.responses is None else self._of_the_gateway(exchange)
        headers["x-amzn-apigateway-api-id"] = self.api_id
        headers["X-Amzn-Trace-Id"] = exchange.ids.trace_id
        for name, mapped in compiled.headers.items():
            headers.discard(name)
            value = mapped(exchange)
            if value is not None:
                headers[name] = value
        return headers

    def _of_the_gateway(self, exchange: Exchange) -> urllib3.HTTPHeaderDict:
        """Without a proxy the client's headers end here, but for what its body is."""
        headers = urllib3.HTTPHeaderDict({"Accept": "application/json"})
        headers["User-Agent"] = f"AmazonAPIGateway_{self.api_id}"
        if exchange.request.body:
            headers["Content-Type"] = exchange.headers.lower.get("content-type", "application/json")
        return headers

    def close(self) -> None:
        """Let go of the connections; what is on its way is waited for by nobody."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.pool.clear()


def _passed_on(exchange: Exchange) -> urllib3.HTTPHeaderDict:
    """The client's headers, less what belongs to its connection."""
    headers = urllib3.HTTPHeaderDict()
    dropped = _OWN | _named_by_connection(exchange)
    for name, values in exchange.headers.multi.items():
        for value in values if name.lower() not in dropped else ():
            headers.add(name, value)
    forwarded = [headers["X-Forwarded-For"]] if "X-Forwarded-For" in headers else []
    headers["X-Forwarded-For"] = ", ".join([*forwarded, exchange.request.source_ip])
    return headers


def _named_by_connection(exchange: Exchange) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in exchange.headers.lower.get("connection", "").split(","))


def _url(compiled: _Compiled, exchange: Exchange) -> str:
    """The integration's URL: path parameters encoded, a greedy one with its slashes; a proxy's query as it came."""
    path = _PLACEHOLDER.sub(lambda found: quote(compiled.path[found[1]](exchange) or "", safe="/~"), compiled.uri)
    found = ((name, value(exchange)) for name, value in compiled.query.items())
    added = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in found if value is not None)
    came = exchange.request.raw_query.decode("latin-1") if compiled.responses is None else ""
    query = "&".join(part for part in (came, added) if part)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def _answer_headers(headers: urllib3.HTTPHeaderDict) -> list[tuple[str, str]]:
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name, value)
        for name, value in headers.iteritems()
        if name.lower() not in _OWN or name.lower() == "connection"
    ]


def _compile(integration: Http, variables: Variables) -> _Compiled:
    path, query, headers = (
        {name: variables.mapping(text) for name, text in mapped.items()}
        for mapped in (integration.path, integration.query, integration.headers)
    )
    given = integration.responses
    responses = None if given is None else MappedResponses.of(given, variables)
    return _Compiled(integration.uri, path, query, headers, responses)


def unmapped(uri: str, path: Mapping[str, str]) -> list[str]:
    """The placeholders of a URI that no mapping fills."""
    return [name for name in _PLACEHOLDER.findall(uri) if name not in path]
