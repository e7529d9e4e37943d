"""The Lambda Runtime API for one environment, on a loopback port of its own.

A port per environment, because the runtime client takes `host:port` and nothing more: its native part would
accept a path prefix, its Python part (init errors) would not.

Source of the routes and headers: AWS Lambda developer guide, "Using the Lambda runtime API".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from emulator.lambdas.config import MAXIMUM_PAYLOAD_BYTES, Invocation

if TYPE_CHECKING:
    from emulator.lambdas.environment import Environment

_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'
_TOO_LARGE = (
    b"HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n"
    b'{"errorType":"RequestEntityTooLarge","status":""}'
)
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RuntimeConnection(asyncio.Protocol):
    """One connection of a worker; parsing is httptools', every answer is one write."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have a base class of their own.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def on_message_begin(self) -> None:
        self._path = b""
        self._body.clear()
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"expect" and value.lower() == b"100-continue":
            self.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= MAXIMUM_PAYLOAD_BYTES:  # what is beyond is counted, and not kept
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand a whole request on; `next` is answered when there is an event."""
        *_, parent, last = (b"", *self._path.split(b"/"))
        if last == b"next":
            self._environment.on_next(self)
        elif last in (b"response", b"error"):
            self._on_end(parent.decode(), failed=last == b"error")
        else:
            self.write(_NOT_FOUND)

    def _on_end(self, request_id: str, *, failed: bool) -> None:
        """What became of an event."""
        if self._size > MAXIMUM_PAYLOAD_BYTES:
            self.write(_TOO_LARGE)
            self._environment.on_too_large(request_id, self._size)
            return
        body = b"".join(self._body)
        self.write(_ACCEPTED)
        if failed:
            self._environment.on_error(request_id, body)
        else:
            self._environment.on_response(request_id, body)

    def write(self, answer: bytes) -> None:
        """Send a whole answer at once; a worker that is gone is noticed by its exit."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)

    def give(self, invocation: Invocation, deadline_at: int, arn: str) -> None:
        """Answer `next` with an event; the instant is in milliseconds."""
        self.write(event_answer(invocation.payload, invocation.request_id, deadline_at, arn, invocation.trace_id))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def event_answer(payload: bytes, request_id: str, deadline_at: int, arn: str, trace_id: str) -> bytes:
    """Render the answer to `next`: the event, and what the context object is made of (instants in ms)."""
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_at}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {arn}\r\n"
        f"Lambda-Runtime-Trace-Id: {trace_id}\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode("latin-1") + payload
