"""Lambda's Invoke API on the loopback, so that `boto3.client("lambda").invoke` works from function to function.

Source: Lambda API reference, "Invoke". Signatures are not looked at: whoever is on this machine may invoke.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import uvicorn

from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.config import LATEST, MAXIMUM_PAYLOAD_BYTES, FunctionConfig, Outcome
from emulator.lambdas.functions import Functions
from emulator.lambdas.pool import TooManyRequests, UnknownFunction
from emulator.lambdas.streams import request_id

ASYNCHRONOUS_BYTES = 1024 * 1024
"""The largest asynchronous event. Source: Lambda quotas, "Invocation payload"."""

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_NAME = re.compile(r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?(?:\d{12}:)?(?:function:)?([A-Za-z0-9_-]+)(?::([\w$-]+))?")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None


class Refused(Exception):
    """Lambda turns the invocation down: an error of its API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(
            status,
            orjson.dumps({"Type": "User", "Message": message, "message": message}),
            {"x-amzn-ErrorType": code},
        )


@dataclass(frozen=True, slots=True)
class InvokeApi:
    """The API as an ASGI application."""

    functions: Functions
    asynchronous: Asynchronous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except Refused as refused:
            answer = refused.answer
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id()} | dict(answer.headers or {})
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        found = _PATH.fullmatch(scope["path"])
        if found is None or scope["method"] != "POST":
            raise Refused(404, "UnknownOperationException", "Only Invoke is served here.")
        config = self._function(unquote(found[1]), scope["query_string"].decode("latin-1"))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        payload = await _body(receive, ASYNCHRONOUS_BYTES if kind == "Event" else MAXIMUM_PAYLOAD_BYTES)
        match kind:
            case "DryRun":
                return Answer(204)
            case "Event":
                self.asynchronous.accept(config, payload, request_id())
                return Answer(202)
            case "RequestResponse":
                return await self._invoke(config, payload)
        raise Refused(400, "InvalidParameterValueException", f"There is no invocation type {kind}.")

    def _function(self, named: str, query: str) -> FunctionConfig:
        """What a name, an ARN or a qualifier leads to now."""
        found = _NAME.fullmatch(named)
        qualifier = dict(parse_qsl(query)).get("Qualifier") or (found[2] if found else None)
        name = (found[1] if found else named) + (f":{qualifier}" if qualifier and qualifier != LATEST else "")
        config = self.functions.config(name)
        if config is None:
            raise Refused(404, "ResourceNotFoundException", f"Function not found: {named}")
        return config

    async def _invoke(self, config: FunctionConfig, payload: bytes) -> Answer:
        try:
            outcome = await self.functions.invoke(config.key, payload, request_id=request_id())
        except TooManyRequests as refusal:
            raise Refused(429, "TooManyRequestsException", "Rate Exceeded.") from refusal
        except UnknownFunction as refusal:
            raise Refused(404, "ResourceNotFoundException", f"Function not found: {config.name}") from refusal
        return Answer(200, outcome.payload, _headers(config, outcome))


def _headers(config: FunctionConfig, outcome: Outcome) -> dict[str, str]:
    version = {"X-Amz-Executed-Version": config.version}
    return version | ({"X-Amz-Function-Error": outcome.error} if outcome.error else {})


async def _body(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise Refused(413, "RequestTooLargeException", f"Request must be smaller than {limit} bytes.")
        if not message.get("more_body"):
            break
    try:
        orjson.loads(body or b"null")
    except orjson.JSONDecodeError as error:
        raise Refused(
            400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
    return bytes(body) or b"null"


class InvokeServer(uvicorn.Server):
    """The API behind a listener of its own; the process decides when it ends."""

    def __init__(self, api: Application, listener: socket.socket) -> None:
        """Take a bound socket: functions are told its port before they start."""
        super().__init__(
            uvicorn.Config(api, lifespan="off", interface="asgi3", loop="none", log_config=None, access_log=False)
        )
        self._listener = listener

    def capture_signals(self) -> Any:
        """Leave signals to the process."""
        return nullcontext()

    async def run_until_stopped(self) -> None:
        """Serve until `should_exit`."""
        await self.serve(sockets=[self._listener])


def bound(port: int = 0) -> socket.socket:
    """Return a socket that listens on a port of the loopback, 0 for any: who calls early waits and is not refused."""
    # asyncio turns Nagle's algorithm off only where the protocol is named: head and body cost 40 ms otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener
