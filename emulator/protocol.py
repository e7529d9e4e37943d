"""uvicorn's httptools protocol with the limits API Gateway has: size of the head, and time for head and body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from emulator.gateway.context import Reply, TooLarge

# Where reading stops for good. The exact limit is the parse step's; this one only bounds memory.
HEAD_STOP = 65_536
HEAD_SECONDS = 10.0
# A body must bring this much in each period, or its connection is closed.
BODY_PERIOD_SECONDS = 10.0
BODY_PERIOD_BYTES = 10_240
# What is read and thrown away of a body whose answer has already been sent.
DRAIN_LIMIT = 33_554_432
CONNECTIONS = 2_000
# Requests that may wait on one connection for the answers before theirs.
PIPELINED = 64
# How long a client may leave its answers unread while more are to be written.
WRITE_SECONDS = 10.0
# How long a peer may take to answer TLS's goodbye.
GOODBYE_SECONDS = 0.5
_BODILESS = (204, 304)

Send = Callable[[dict[str, Any]], Awaitable[None]]


class GatewayProtocol(HttpToolsProtocol):
    """Header names keep the spelling of the client, and the request target is kept as it was sent."""

    _reading_head = True
    _head_size = 0
    _body_size = 0
    _body_checked = 0
    _timer: asyncio.TimerHandle | None = None
    _goodbye: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._close()
            return
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._goodbye is not None:
            self._goodbye.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._reading_head:
            self._head_size += len(data)
        super().data_received(data)
        if len(self.pipeline) > PIPELINED:
            self.transport.abort()
        if self.transport.is_closing():
            self._stop_timer()
        elif self._reading_head and self._head_size > HEAD_STOP:
            self._refuse("head")
        elif self._reading_head:
            if self._head_size and self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        elif self._timer is None:
            self._body_checked = self._body_size
            self._timer = self.loop.call_later(BODY_PERIOD_SECONDS, self._check_body)

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._reading_head = False
        self._head_size = self._body_size = 0
        cast("dict[str, Any]", self.scope)["target"] = self.url
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > DRAIN_LIMIT:
            self._close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_timer()
        self._reading_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def send_400_response(self, msg: str) -> None:
        """The parser refused the bytes: answered in the shape of every other refusal."""
        del msg
        self._refuse(None)

    def _refuse(self, too_large: TooLarge | None) -> None:
        if self.transport.is_closing():
            return
        if self._may_answer():
            reply: Reply = cast("Any", self.app).unreadable(self.client[0] if self.client else "", too_large)
            self.transport.write(_closing(reply))
        self._close()

    def _may_answer(self) -> bool:
        """Not while the answer to an earlier request is being made: this one would be taken for it."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        if self.pipeline or cycle.response_started or not cycle.more_body:
            return False
        # The body of the request at hand went wrong: whoever waits for it finds the client gone.
        cycle.disconnected = True
        cycle.message_event.set()
        return True

    def _waits_for_us(self) -> bool:
        """Whether an earlier request of this connection is being answered: what stands still is not the client."""
        answering = self.cycle is not None and not self.cycle.response_complete
        return bool(self.pipeline) or (self._reading_head and answering)

    def _too_slow(self) -> None:
        self._timer = None
        if self._waits_for_us():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        else:
            self._close()

    def _check_body(self) -> None:
        self._timer = None
        if self._body_size - self._body_checked < BODY_PERIOD_BYTES and not self._waits_for_us():
            self._close()
        else:
            self._body_checked = self._body_size
            self._timer = self.loop.call_later(BODY_PERIOD_SECONDS, self._check_body)

    def _close(self) -> None:
        """Closes, and does not wait for ever until the peer has closed too."""
        self.transport.close()
        if self._goodbye is None:
            self._goodbye = self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _closing(reply: Reply) -> bytes:
    reply.headers.append(("Connection", "close"))
    return _wire(reply, with_body=True)


def _wire(reply: Reply, *, with_body: bool) -> bytes:
    """The whole answer as bytes. Names and values were made safe where they came from."""
    lines = [f"{name}: {value}\r\n" for name, value in reply.headers]
    if reply.status in _BODILESS:
        with_body = False
    else:
        lines.append(f"Content-Length: {len(reply.body)}\r\n")
    head = STATUS_LINE[reply.status] + "".join(lines).encode("latin-1") + b"\r\n"
    return head + reply.body if with_body else head


async def _read_by_the_client(cycle: RequestResponseCycle) -> bool:
    """Wait until the client has read of what was written before; tell whether it did."""
    try:
        await asyncio.wait_for(cycle.flow.drain(), WRITE_SECONDS)
    except TimeoutError:
        return False
    return True


async def finish(send: Send, reply: Reply) -> None:
    """Answers in one write: uvicorn's own `send` makes two, which are two TLS records.

    `send` is the method uvicorn gives its application, and so leads to the request's cycle.
    """
    cycle: RequestResponseCycle = cast("Any", send).__self__
    if cycle.flow.write_paused and not cycle.disconnected and not await _read_by_the_client(cycle):
        cycle.transport.abort()
    if cycle.disconnected or cycle.transport.is_closing():
        return
    for name, value in cycle.default_headers:  # the date
        reply.headers.append((name.decode("latin-1"), value.decode("latin-1")))
    if not cycle.keep_alive:
        reply.headers.append(("Connection", "close"))
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(_wire(reply, with_body=cycle.scope["method"] != "HEAD"))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
