"""Both clients tell the same failures apart, and neither tries twice."""

import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import orjson
import pytest

from chalicelib.store.dynamo import Boto3Dynamo, LeanDynamo
from chalicelib.store.port import (
    Cancelled,
    Dynamo,
    Key,
    OutcomeUnknown,
    Put,
    Reason,
    StoreMisuse,
    Throttled,
    Unreachable,
)
from tests.contract.places import REGION, TABLES, lean_wire

Make = Callable[[str], Dynamo]
KEY = Key("ledger", "p", "s")

CLIENTS: dict[str, Make] = {
    "lean": lambda url: LeanDynamo(TABLES, wire=lean_wire(url), read_seconds=1.0),
    "boto3": lambda url: Boto3Dynamo(TABLES, endpoint=url, region=REGION, read_seconds=1.0),
}


@pytest.fixture(params=list(CLIENTS))
def make(request: pytest.FixtureRequest) -> Make:
    return CLIENTS[request.param]


class Broken(ThreadingHTTPServer):
    """Answers every request with the same status and body, or holds it until the test is over."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"{}", 0
        self.silent = False
        self.hang_up = False
        self.over = Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def say(self, code: str, status: int = 400, **more: Any) -> None:
        self.status = status
        self.body = orjson.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "so", **more})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Broken

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.silent:
            self.server.over.wait(20)
        if self.server.silent or self.server.hang_up:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def broken() -> Iterator[Broken]:
    with Broken() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def _transact(store: Dynamo, timeout_seconds: float = 10.0) -> None:
    store.transact([Put(KEY, {"n": 1})], token="token", timeout_seconds=timeout_seconds)


ANSWERS = [
    ("ThrottlingException", 400, Throttled),
    ("ProvisionedThroughputExceededException", 400, Throttled),
    ("RequestLimitExceeded", 400, Throttled),
    ("TransactionInProgressException", 400, Throttled),
    ("InternalServerError", 500, OutcomeUnknown),
    ("ServiceUnavailable", 503, OutcomeUnknown),
    ("ValidationException", 400, StoreMisuse),
    ("ResourceNotFoundException", 400, StoreMisuse),
    ("AccessDeniedException", 400, StoreMisuse),
    ("IdempotentParameterMismatchException", 400, StoreMisuse),
    ("UnheardOfException", 400, StoreMisuse),
]


@pytest.mark.parametrize(("code", "status", "failure"), ANSWERS)
def test_an_answer_is_translated_and_not_asked_again(
    broken: Broken, make: Make, code: str, status: int, failure: type[Exception]
) -> None:
    broken.say(code, status)
    store = make(broken.url)
    with pytest.raises(failure, match=code):
        _transact(store)
    assert broken.asked == 1
    with pytest.raises(failure):
        store.get(KEY)
    with pytest.raises(failure):
        store.query("ledger", "p", limit=1)
    assert broken.asked == 3


def test_a_cancellation_brings_its_reasons_in_order(broken: Broken, make: Make) -> None:
    broken.say(
        "TransactionCanceledException",
        CancellationReasons=[
            {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "p"}, "b": {"B": "AP8="}}, "Message": "m"},
            {"Code": "None"},
            {"Code": "TransactionConflict", "Message": "m"},
            {"Code": "ThrottlingError", "Message": "m"},
        ],
    )
    with pytest.raises(Cancelled) as caught:
        _transact(make(broken.url))
    assert caught.value.reasons == (
        Reason("ConditionalCheckFailed", {"pk": "p", "b": b"\x00\xff"}),
        Reason(None),
        Reason("TransactionConflict"),
        Reason("ThrottlingError"),
    )


@pytest.mark.parametrize(("status", "body"), [(500, b"<html>"), (502, b""), (503, b"{}")])
def test_a_broken_server_leaves_the_outcome_unknown(broken: Broken, make: Make, status: int, body: bytes) -> None:
    broken.status, broken.body = status, body
    with pytest.raises(OutcomeUnknown):
        _transact(make(broken.url))
    assert broken.asked == 1


def test_a_lost_connection_leaves_the_outcome_unknown(broken: Broken, make: Make) -> None:
    broken.hang_up = True
    with pytest.raises(OutcomeUnknown):
        _transact(make(broken.url))
    assert broken.asked == 1


def test_a_timeout_leaves_the_outcome_unknown(broken: Broken, make: Make) -> None:
    broken.silent = True
    with pytest.raises(OutcomeUnknown):
        _transact(make(broken.url), timeout_seconds=0.3)
    assert broken.asked == 1


def test_nobody_there_is_unreachable(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable):
        _transact(make(f"http://127.0.0.1:{port}"))
