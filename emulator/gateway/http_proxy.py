"""HTTP_PROXY integrations: the request as it came to an existing HTTP service, and its answer as it is.

Sources: API Gateway developer guide, "Set up HTTP integrations" and "Amazon API Gateway important notes" (headers).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

import urllib3

from emulator.clock import Clock
from emulator.definition import HttpProxy, Method
from emulator.gateway.context import Exchange, Reply
from emulator.gateway.errors import Refusal
from emulator.gateway.proxy_answer import REMAPPED

AT_ONCE = 64
CONNECT_SECONDS = 5.0
# What belongs to one connection, and what the client library says itself.
_OWN = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "host", "content-length", "expect"}
)
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9._-]+)\+?\}")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")

# A connection that is refused at once is a timeout in urllib3's family of errors, and none here.
_LATE = (TimeoutError, urllib3.exceptions.TimeoutError)

Value = Callable[[Exchange], str]


@dataclass(frozen=True, slots=True)
class _Compiled:
    uri: str
    path: Mapping[str, Value]
    query: Mapping[str, Value]
    headers: Mapping[str, Value]


@dataclass(slots=True)
class HttpProxies:
    """The HTTP integrations of a deployment, by method; calls are made in threads, by urllib3."""

    compiled: dict[str, _Compiled]
    api_id: str
    clock: Clock
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=AT_ONCE, retries=False))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "http"))

    @classmethod
    def of(
        cls, methods: Iterable[Method], stage_variables: Mapping[str, str], api_id: str, clock: Clock
    ) -> HttpProxies:
        """Compile every HTTP integration."""
        compiled = {
            method.label: _compile(method.integration, stage_variables)
            for method in methods
            if isinstance(method.integration, HttpProxy)
        }
        return cls(compiled, api_id, clock)

    async def answer(self, exchange: Exchange, integration: HttpProxy) -> Reply:
        """Refuses with INTEGRATION_TIMEOUT and INTEGRATION_FAILURE (504 both, as for any HTTP endpoint)."""
        begun = self.clock.steady()
        call = asyncio.get_running_loop().run_in_executor(self.threads, self._call, exchange, integration)
        try:
            answer = await asyncio.wait_for(call, integration.timeout_ms / 1000)
        except (TimeoutError, urllib3.exceptions.HTTPError) as failure:
            late = isinstance(failure, _LATE) and not isinstance(failure, urllib3.exceptions.NewConnectionError)
            exchange.integration.error = "timeout" if late else type(failure).__name__
            raise Refusal("INTEGRATION_TIMEOUT" if late else "INTEGRATION_FAILURE") from failure
        finally:
            exchange.integration.latency = self.clock.steady() - begun
        exchange.integration.status = answer.status
        return Reply(answer.status, _answer_headers(answer.headers), answer.data)

    def _call(self, exchange: Exchange, integration: HttpProxy) -> urllib3.BaseHTTPResponse:
        compiled = self.compiled[exchange.method.label]
        seconds = integration.timeout_ms / 1000
        request = exchange.request
        return self.pool.request(
            request.method if integration.method == "ANY" else integration.method,
            _url(compiled, exchange),
            body=request.body or None,
            headers=self._headers(compiled, exchange),
            redirect=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
        )

    def _headers(self, compiled: _Compiled, exchange: Exchange) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict()
        dropped = _OWN | _named_by_connection(exchange)
        for name, values in exchange.headers.multi.items():
            for value in values if name.lower() not in dropped else ():
                headers.add(name, value)
        forwarded = [headers["X-Forwarded-For"]] if "X-Forwarded-For" in headers else []
        headers["X-Forwarded-For"] = ", ".join([*forwarded, exchange.request.source_ip])
        headers["x-amzn-apigateway-api-id"] = self.api_id
        headers["X-Amzn-Trace-Id"] = exchange.ids.trace_id
        for name, mapped in compiled.headers.items():
            headers[name] = mapped(exchange)
        return headers

    def close(self) -> None:
        """Let go of the connections; what is on its way is waited for by nobody."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.pool.clear()


def _named_by_connection(exchange: Exchange) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in exchange.headers.lower.get("connection", "").split(","))


def _url(compiled: _Compiled, exchange: Exchange) -> str:
    """The integration's URL: path parameters encoded, a greedy one with its slashes, the query as it came."""
    path = _PLACEHOLDER.sub(lambda found: quote(compiled.path[found[1]](exchange), safe="/~"), compiled.uri)
    added = "&".join(f"{quote(name)}={quote(value(exchange), safe='')}" for name, value in compiled.query.items())
    query = "&".join(part for part in (exchange.request.raw_query.decode("latin-1"), added) if part)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def _answer_headers(headers: urllib3.HTTPHeaderDict) -> list[tuple[str, str]]:
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name, value)
        for name, value in headers.iteritems()
        if name.lower() not in _OWN or name.lower() == "connection"
    ]


def _compile(integration: HttpProxy, stage_variables: Mapping[str, str]) -> _Compiled:
    uri = _STAGE_VARIABLE.sub(lambda found: stage_variables[found[1]], integration.uri)
    return _Compiled(
        uri,
        *(
            {name: _value(text) for name, text in mapped.items()}
            for mapped in (integration.path, integration.query, integration.headers)
        ),
    )


def _value(expression: str) -> Value:
    """A mapping expression: a part of the request, or a quoted text. `openapi.py` has refused all others."""
    if expression.startswith("'"):
        return lambda _: expression[1:-1]
    place, name = expression.removeprefix("method.request.").split(".", 1)
    if place == "path":
        return lambda exchange: exchange.path_parameters.get(name, "")
    if place == "querystring":
        return lambda exchange: exchange.query.values.get(name, "")
    return lambda exchange: exchange.headers.lower.get(name.lower(), "")


def unmapped(uri: str, path: Mapping[str, str]) -> list[str]:
    """The placeholders of a URI that no mapping fills."""
    return [name for name in _PLACEHOLDER.findall(_STAGE_VARIABLE.sub("", uri)) if name not in path]


def stage_variables_of(uri: str) -> list[str]:
    """The stage variables that a URI names."""
    return _STAGE_VARIABLE.findall(uri)
