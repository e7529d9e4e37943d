"""The control planes behind one listener of the loopback.

`AWS_ENDPOINT_URL_API_GATEWAY`, `_LAMBDA` and `_EVENTBRIDGE` lead boto3, and so Chalice and everybody else, here.
Signatures are not looked at: whoever is on this machine may change what it serves, but no web page. Operations run one
after another, so none sees another one half done; all wait until what was deployed before is there.
"""

from __future__ import annotations

import asyncio
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.control.errors import ControlError
from emulator.control.operation import Operation, Plane
from emulator.control.wire import Answer, Asked, Wire

LARGEST_BODY = 96 * 1024 * 1024
"""Bytes: a zip of 50 MB is 67 MB in base64."""

_INVOCATION = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
_OF_THIS_MACHINE = re.compile(rb"(?:127\.0\.0\.1|\[::1\]|(?:[\w-]+\.)*localhost)(?::[0-9]+)?", re.IGNORECASE)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ControlApi:
    """The planes as an ASGI application; `invoke` answers Lambda's Invoke, which waits for nobody's turn.

    It is None where functions live elsewhere. Nothing is answered before `restored` is set: an operation would write
    its own row in the place of all that were not read yet.
    """

    planes: Sequence[Plane]
    invoke: Application | None
    restored: asyncio.Event = field(default_factory=asyncio.Event)
    _wires: Mapping[str, Wire] = field(init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Load the models."""
        object.__setattr__(self, "_wires", {plane.name: Wire(plane.name) for plane in self.planes})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if _is_from_a_page(scope["headers"]):
            await _send(_to_a_page(), send)
            return
        await self.restored.wait()
        if self.invoke is not None and _INVOCATION.fullmatch(scope["path"]):
            await self.invoke(scope, receive, send)
            return
        try:
            asked = await _asked(scope, receive)
        except _Gone:
            return
        answer = _too_large() if asked is None else await self._answer(asked)
        await _send(answer, send)

    async def _answer(self, asked: Asked) -> Answer:
        for plane in self.planes:
            wire = self._wires[plane.name]
            found = wire.operation(asked)
            if found is None:
                continue
            model, labels = found
            try:
                async with self._turn:
                    return wire.write(model, await _served(plane, model.name)(wire.read(model, labels, asked)))
            except ControlError as refusal:
                return wire.refuse(refusal)
            except Exception:  # noqa: BLE001 (the outermost place: a bug is a 500, told to the terminal only)
                traceback.print_exc(file=sys.stderr)
                return wire.refuse(ControlError("InternalFailure", f"{model.name} failed; see the terminal.", 500))
        served = ", ".join(plane.name for plane in self.planes)
        fault = ControlError("UnknownOperationException", f"{asked.method} {asked.path}: served are {served}.", 404)
        return next(iter(self._wires.values())).refuse(fault)


class _Gone(Exception):
    """The client left in the middle: half a request is none."""


def _served(plane: Plane, name: str) -> Operation:
    operation = plane.operations.get(name)
    if operation is None:
        raise ControlError("UnknownOperationException", f"{name} is not served here.", 501)
    return operation


async def _asked(scope: Scope, receive: Receive) -> Asked | None:
    """The whole request; None if it is larger than any may be."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body, size = bytearray(), 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        # What is too much is read to its end and let go of: who still sends does not listen to an answer.
        if size <= LARGEST_BODY:
            body += message.get("body", b"")
    if size > LARGEST_BODY:
        return None
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return Asked(scope["method"], path, query, headers, bytes(body))


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _is_from_a_page(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell by what a browser names: the page's origin, or the page's own host where that host's name leads here."""
    hosts = [value for name, value in headers if name == b"host"]
    ours = len(hosts) == 1 and _OF_THIS_MACHINE.fullmatch(hosts[0]) is not None
    return not ours or any(name == b"origin" for name, _ in headers)


def _to_a_page() -> Answer:
    """A page from anywhere is nobody on this machine."""
    body = b'{"message":"A web page may not ask here."}'
    return Answer(403, {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}, body)


def _too_large() -> Answer:
    body = b'{"message":"The request is larger than any operation takes."}'
    return Answer(413, {"Content-Type": "application/json", "x-amzn-ErrorType": "RequestEntityTooLargeException"}, body)
