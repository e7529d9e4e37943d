"""The way to a worker in the fast mode: frames on a socket pair instead of HTTP, and one for what takes two.

Each frame is a head of fixed size, some text and a body. The worker's says what became of an event (its id and the
answer) and that it wants the next one; an empty id only the latter. Ours is an event: its id, deadline, ARN and trace,
in lines. Whatever else the worker has to say, of errors above all, goes to the Runtime API (runtime_api.py).
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import TYPE_CHECKING, cast

from emulator.lambdas.config import MAXIMUM_PAYLOAD_BYTES, Invocation

if TYPE_CHECKING:
    from emulator.lambdas.environment import Environment

# The size of the body and that of the text, in bytes; the worker has it again (worker.py).
FRAME = Struct("!II")


class FastConnection(asyncio.Protocol):
    """Our end of the pair."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._skip = 0  # bytes still to come of an answer that is too large

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have a base class of their own.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._pass_over()
        while not self._skip and len(self._received) >= FRAME.size:
            size, text = FRAME.unpack_from(self._received)
            start = FRAME.size + text
            kept = size if size <= MAXIMUM_PAYLOAD_BYTES else 0
            if len(self._received) < start + kept:
                return
            request_id = self._received[FRAME.size : start].decode("latin-1")
            body = bytes(self._received[start : start + kept])
            del self._received[: start + kept]
            self._on_frame(request_id, body, size)

    def _on_frame(self, request_id: str, body: bytes, size: int) -> None:
        if size > MAXIMUM_PAYLOAD_BYTES:
            self._environment.on_too_large(request_id, size)
            self._skip = size
            self._pass_over()
            return
        if request_id:
            self._environment.on_response(request_id, body)
        self._environment.on_next(self)

    def _pass_over(self) -> None:
        """Throw away what has come of an answer that is too large; the worker is free when all of it has."""
        passed = min(self._skip, len(self._received))
        if passed:
            del self._received[:passed]
            self._skip -= passed
            if not self._skip:
                self._environment.on_next(self)

    def give(self, invocation: Invocation, deadline_at: int, arn: str) -> None:
        """Send an event; the instant is in milliseconds. A worker that is gone is noticed by its exit."""
        text = f"{invocation.request_id}\n{deadline_at}\n{arn}\n{invocation.trace_id}".encode("latin-1")
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(FRAME.pack(len(invocation.payload), len(text)) + text + invocation.payload)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
