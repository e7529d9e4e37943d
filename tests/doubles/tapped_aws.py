"""An endpoint of AWS behind a tap: everything is passed on, and who called what on which table is noted."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

_PASSED: Final = ("content-type", "x-amz-target", "x-amz-date", "authorization", "user-agent")
# IAM authorizes a transaction by its parts.
_PARTS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_SERVICES: Final = {"DynamoDB_20120810": "dynamodb", "TrentService": "kms", "secretsmanager": "secretsmanager"}


class Call(NamedTuple):
    """A function's use of an action; the table is empty for services that have none."""

    function: str
    action: str
    table: str
    transacted: bool


@dataclass(slots=True)
class Tap:
    """Where to call, and what was called by functions so far."""

    url: str
    calls: set[Call] = field(default_factory=set)

    def note(self, agent: str, target: str, body: bytes) -> None:
        """Take down a call of a function; those of others (the emulator's own) are not ours to judge."""
        name = re.fullmatch(r"tollgate/tollgate-[a-z]+-(\w+)", agent)
        if name:
            self.calls.update(Call(name[1], *use) for use in _uses(target, json.loads(body)))


def _uses(target: str, body: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    prefix, operation = target.split(".")
    service = _SERVICES[prefix]
    if operation.startswith("Transact"):
        for item in body["TransactItems"]:
            (kind, part), *_ = item.items()
            yield f"{service}:{_PARTS.get(kind, 'GetItem')}", part["TableName"], True
    elif operation.startswith("Batch"):
        for table in body["RequestItems"]:
            yield f"{service}:{operation}", table, False
    else:
        yield f"{service}:{operation}", body.get("TableName", ""), False


@contextmanager
def tapped(endpoint: str) -> Iterator[Tap]:
    """Open a tap in front of an endpoint on the loopback interface, on a port of the kernel's choice."""
    server = _Server(urlsplit(endpoint).netloc)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.tap
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = endpoint
        self.tap = Tap(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one write
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.endpoint, timeout=30)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tap.note(self.headers["User-Agent"] or "", self.headers["X-Amz-Target"], body)
        self.upstream.request("POST", "/", body, {name: self.headers[name] for name in _PASSED if name in self.headers})
        answer = self.upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"] or "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")  # no thread waits for a next request
        self.end_headers()
        self.wfile.write(content)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
