"""The gateway behind TLS on the loopback: uvicorn reads HTTP, this hands requests over and stops in good order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import uvicorn

from emulator.gateway.context import Reply, Request, TooLarge
from emulator.gateway.errors import Refusal
from emulator.gateway.metrics import Metrics
from emulator.gateway.parse import BODY_LIMIT
from emulator.issuer import IssuerDocuments
from emulator.mount import ROOT, Mount
from emulator.protocol import HEAD_SECONDS, GatewayProtocol, Send, finish

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

KEEP_ALIVE_SECONDS = 60
# Within the five seconds of a graceful stop; what is left of them is for the functions.
DRAIN_SECONDS = 3
_EMULATOR = "/_emulator/"
METRICS = "/_emulator/metrics"
STARTUP_FAILURE = 3
# Turns of the loop in which aborted connections say that they are gone.
_ENDING_TURNS = 100


class Answering(Protocol):
    """Whoever answers requests: a gateway, or the newest of several."""

    async def handle(self, request: Request) -> Reply:
        """The answer to a request; never raises."""
        ...

    def refuse(self, request: Request, refusal: Refusal) -> Reply:
        """The answer to what could not be read as a request."""
        ...


@dataclass(frozen=True, slots=True)
class Application:
    """Bridges uvicorn's scope to the gateway's request, and the reply back."""

    gateway: Answering
    issuer: IssuerDocuments
    mount: Mount = ROOT
    metrics: Metrics = field(default_factory=Metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if request is None:  # the client left before it had said everything
            return
        if request.raw_path.startswith(_EMULATOR):
            reply = self._own(request)
        elif not self.mount.holds(request.raw_path):
            reply = _not_mapped()
        else:
            reply = await self.gateway.handle(request)
        await finish(send, reply)

    def _own(self, request: Request) -> Reply:
        """What the emulator says for itself, beside any API."""
        if request.raw_path != METRICS:
            return self.issuer.answer(request.method, request.raw_path)
        # The writer takes its time to import: only who looks at the page waits for it.
        from emulator.metrics_page import page  # noqa: PLC0415

        return page(self.metrics, request.method)

    def unreadable(self, source_ip: str, too_large: TooLarge | None) -> Reply:
        """For the protocol: the answer to bytes that are no request."""
        request = Request("-", "-", b"", [], b"", source_ip, too_large=too_large)
        return self.gateway.refuse(request, Refusal("REQUEST_TOO_LARGE" if too_large else "DEFAULT_4XX"))


def _not_mapped() -> Reply:
    """A host's answer to a path that leads to no API, and so to no gateway response of a definition."""
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
    return Reply(403, headers, b'{"message":"Forbidden"}')


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; reading stops at the limit. None if the client went away."""
    path, _, query = scope["target"].partition(b"?")
    request = Request(
        method=scope["method"],
        raw_path=path.decode("latin-1"),
        raw_query=query,
        raw_headers=scope["headers"],
        body=b"",
        source_ip=scope["client"][0] if scope["client"] else "",
        protocol=f"HTTP/{scope['http_version']}",
    )
    if _declared(request.raw_headers) > BODY_LIMIT:
        request.too_large = "body"
        return request
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        request.body = message["body"]
        return request
    return await _read_on(request, message, receive)


async def _read_on(request: Request, message: dict[str, Any], receive: Receive) -> Request | None:
    body = bytearray()
    while message["type"] == "http.request":
        body += message["body"]
        if len(body) > BODY_LIMIT:
            request.too_large = "body"
            return request
        if not message["more_body"]:
            request.body = bytes(body)
            return request
        message = await receive()
    return None


def _declared(headers: list[tuple[bytes, bytes]]) -> int:
    """Content-Length; the parser has made sure that it is one number."""
    for name, value in headers:
        if len(name) == 14 and name.lower() == b"content-length":
            return int(value)
    return 0


class GatewayServer(uvicorn.Server):
    """uvicorn without its signal handlers: the process decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Takes no more, finishes what is in flight, and lets `serve` return."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, for the one address there is; a TLS handshake has no more time than the head of a request."""
        config, loop = self.config, asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                self._protocol,
                config.host,
                config.port,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=HEAD_SECONDS if config.is_ssl else None,
            )
        except OSError as error:
            logging.getLogger("uvicorn.error").error("%s", error)  # noqa: TRY400 - a taken port needs no traceback
            sys.exit(STARTUP_FAILURE)
        self.servers = [server]
        self.started = True

    def _protocol(self) -> GatewayProtocol:
        return GatewayProtocol(self.config, self.server_state, app_state={})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, and then an end to whatever is still connected: no transport outlives its loop."""
        await super().shutdown(sockets)
        connections = tuple(self.server_state.connections)
        for connection in connections:
            connection.transport.abort()
        for _ in range(_ENDING_TURNS):
            if not self.server_state.connections:
                break
            await asyncio.sleep(0)

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return int(self.servers[0].sockets[0].getsockname()[1])


def build_server(application: Application, *, port: int, cert: Path | None, key: Path | None) -> GatewayServer:
    """A server for 127.0.0.1; without certificate it speaks plain HTTP, for measurements."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        http=GatewayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=str(cert) if cert else None,
        ssl_keyfile=str(key) if key else None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=1_024,
    )
    return GatewayServer(config)
