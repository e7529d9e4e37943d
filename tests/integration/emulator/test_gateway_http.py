"""The HTTP layer over real TLS sockets: what the parser refuses, limits, keep-alive, disconnects, a graceful stop.

Sources: RFC 9112; API Gateway developer guide: api-gateway-execution-service-limits-table; F20 of the failure modes.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from emulator.clock import Clock
from emulator.keyset import https_fetch
from tests.doubles.gateway import (
    Outcome,
    signed,
)
from tests.doubles.served_gateway import PATIENCE_SECONDS, Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    found = Served(tmp_path)
    found.start()
    yield found
    if not found.server.should_exit:
        found.stop()


HOST = b"Host: localhost\r\n"
REFUSED = {
    "two hosts": b"GET /open HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "no host": b"GET /open HTTP/1.1\r\n\r\n",
    "two equal lengths": b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "two lengths": b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "a list of lengths": b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\na",
    "a signed length": b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na",
    "length and chunks": b"POST /open HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"POST /open HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "unknown coding": b"POST /open HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "bare LF in a chunk": b"POST /open HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\na\r\n0\r\n\r\n",
    "obs-fold": b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n",
    "NUL in a value": b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: b\0c\r\n\r\n",
    "NUL in the path": b"GET /open\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare LF": b"GET /open HTTP/1.1\nHost: localhost\n\n",
    "bare CR": b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: b\rX-B: c\r\n\r\n",
    "space before the colon": b"GET /open HTTP/1.1\r\n" + HOST + b"X-A : b\r\n\r\n",
    "control character": b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: b\x01c\r\n\r\n",
    "escaped slash": b"GET /things/a%2Fb HTTP/1.1\r\n" + HOST + b"\r\n",
    "escaped backslash": b"GET /things/a%5Cb HTTP/1.1\r\n" + HOST + b"\r\n",
    "backslash": b"GET /things\\a HTTP/1.1\r\n" + HOST + b"\r\n",
    "two slashes": b"GET //open HTTP/1.1\r\n" + HOST + b"\r\n",
    "dot segments": b"GET /things/../open HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute form": b"GET http://localhost/open HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment": b"GET /open#a HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment after the query": b"GET /open?a=b#c HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "UTF-8 in the path": b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown method": b"FOO /open HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /open\r\n\r\n",
    "HTTP/2.0": b"GET /open HTTP/2.0\r\n" + HOST + b"\r\n",
    "two authorizations": b"GET /open HTTP/1.1\r\n" + HOST + b"Authorization: a\r\nAuthorization: b\r\n\r\n",
    "underscore": b"GET /open HTTP/1.1\r\n" + HOST + b"x_api_key: a\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("shared"))
    found.start()
    yield found
    found.stop()


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_readers_could_read_differently_is_400_in_the_gateway_s_shape(shared: Served, data: bytes) -> None:
    status, body = shared.raw(data)
    assert (status, json.loads(body)) == (400, {"message": "Bad Request"})
    assert shared.functions.events == []


@pytest.mark.parametrize(
    "data",
    [
        b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: " + b"b" * 12_000 + b"\r\n\r\n",
        b"GET /open HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: b\r\n" % number for number in range(1_200)) + b"\r\n",
        b"GET /open?" + b"a" * 8_200 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /open HTTP/1.1\r\n" + HOST + b"X-A: " + b"b" * 90_000,
        b"GET /" + b"a" * 90_000,
        b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 10485761\r\n\r\n",
        b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999\r\n\r\n",
    ],
    ids=["one header", "many headers", "url", "endless header", "endless url", "length", "huge length"],
)
def test_what_is_too_large_is_413(shared: Served, data: bytes) -> None:
    status, body = shared.raw(data)
    assert (status, list(json.loads(body))) == (413, ["message"])


def test_a_body_of_ten_megabytes_is_refused_by_lambda_and_one_more_byte_by_the_gateway(shared: Served) -> None:
    assert shared.ask("POST", "/open", body=b"x" * 10_485_760)[1] == b'{"message":"Request Too Long"}'
    assert b"exceeded 10485760 bytes" in shared.ask("POST", "/open", body=b"x" * 10_485_761)[1]


def test_chunks_beyond_the_limit_are_413(shared: Served) -> None:
    client = shared.client()
    client.request("POST", "/open", body=(b"x" * 1_048_576 for _ in range(11)), encode_chunked=True)
    assert client.getresponse().status == 413
    client.close()


def test_the_connection_is_good_after_a_refused_body(shared: Served) -> None:
    client = shared.client()
    client.request("POST", "/open", body=b"x" * 10_485_761)
    response = client.getresponse()
    assert (response.status, len(response.read()) > 0) == (413, True)
    client.request("GET", "/nowhere")
    assert client.getresponse().status == 403
    client.close()


def test_expect_100_continue(shared: Served) -> None:
    with shared.connect() as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"a")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 403")


def test_a_verified_request_whose_keys_come_over_tls_from_the_gateway_itself(served: Served) -> None:
    headers = signed(served.token())
    with served.connect() as first:
        first.sendall(b"GET /")  # half a request, left open while keys are fetched
        status, body = served.ask("GET", "/things/1", headers)
    assert status == 200
    assert json.loads(body)["requestContext"]["authorizer"]["claims"]["sub"] == "client-1"
    assert served.ask("GET", "/things/1", signed(served.token() + "x"))[0] == 401


def test_a_fetch_trusts_its_authority_only_and_takes_no_more_than_it_must(served: Served, tmp_path: Path) -> None:
    documents = f"{served.issuer}/.well-known/"
    fetch = https_fetch(served.ca, Clock())
    assert json.loads(fetch(f"{documents}openid-configuration"))["issuer"] == served.issuer
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(ssl.SSLCertVerificationError):
        https_fetch(other, Clock())(f"{documents}openid-configuration")
    with pytest.raises(ValueError, match="status 404"):
        fetch(f"{documents}nothing")
    with pytest.raises(ValueError, match="not an https URL"):
        fetch("http://localhost/")
    (served.directory / "issuer" / "jwks.json").write_bytes(b" " * 300_000)
    with pytest.raises(ValueError, match="too large"):
        fetch(f"{documents}jwks.json")


def test_the_issuer_s_documents_and_nothing_else(shared: Served) -> None:
    prefix = "/_emulator/issuer/.well-known/"
    status, body = shared.ask("GET", f"{prefix}openid-configuration")
    assert (status, json.loads(body)["issuer"]) == (200, shared.issuer)
    client = shared.client()
    client.request("GET", f"{prefix}jwks.json")
    response = client.getresponse()
    assert response.getheader("Cache-Control") == "public, max-age=300"
    assert json.loads(response.read())["keys"][0]["kid"] == "k1"
    client.close()
    for path in ("secret", "../secret", "..%2fsecret", "", "jwks.json/", "openid-configuration%00"):
        assert shared.ask("GET", prefix + path)[0] in (400, 404)
    assert shared.ask("POST", f"{prefix}jwks.json")[0] == 405


def test_header_names_and_values_reach_the_function_as_they_were_written(served: Served) -> None:
    _, body = served.ask("GET", "/open?a=%C3%A9", {"X-MiXeD": "\xe9"})
    event = json.loads(body)
    assert event["headers"]["X-MiXeD"] == "\xe9"
    assert event["queryStringParameters"] == {"a": "é"}
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_pipelined_requests_are_answered_in_their_order(served: Served) -> None:
    requests = [b"GET /open?n=%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(5)]
    last = b"GET /open?n=5 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with served.connect() as connection:
        connection.sendall(b"".join([*requests, last]))
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert re.findall(rb'"queryStringParameters": {"n": "(.)"}', answers) == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_many_requests_over_one_connection(served: Served) -> None:
    client = served.client()
    for number in range(20):
        client.request("POST", f"/open?n={number}", body=b"{}")
        assert json.loads(client.getresponse().read())["queryStringParameters"] == {"n": str(number)}
    client.close()


def test_head_has_no_body(shared: Served) -> None:
    with shared.connect() as connection:
        connection.sendall(b"HEAD /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(4_096), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403")
    assert body == b""


def test_answers_without_a_body_have_no_length(served: Served) -> None:
    served.functions.handler = lambda _: {"statusCode": 204}
    client = served.client()
    client.request("GET", "/open")
    response = client.getresponse()
    assert (response.status, response.getheader("Content-Length"), response.read()) == (204, None, b"")
    client.request("GET", "/open")
    assert client.getresponse().status == 204
    client.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_client_that_leaves_leaks_nothing(served: Served) -> None:
    go_on = threading.Event()

    async def slow() -> Any:
        await asyncio.to_thread(go_on.wait, PATIENCE_SECONDS)
        return Outcome(b'{"statusCode":200}')

    served.functions.handler = lambda _: slow()
    for _ in range(3):
        with served.connect() as connection:
            connection.sendall(b"GET /open HTTP/1.1\r\n" + HOST + b"\r\n")
            wait_until(lambda: bool(served.gateway.integrations.running))
    with served.connect() as connection:  # and one that leaves in the middle of its body
        connection.sendall(b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")
    go_on.set()
    wait_until(lambda: not served.gateway.integrations.running)
    wait_until(lambda: not served.server.server_state.connections)
    wait_until(lambda: not served.server.server_state.tasks)
    assert served.functions.finished == 3
    served.stop()
    assert b"".join(served.log).count(b'GET "/open" 200') == 3


def test_a_graceful_stop_finishes_what_is_in_flight_and_takes_no_more(served: Served) -> None:
    entered, go_on = threading.Event(), threading.Event()

    async def slow() -> Any:
        entered.set()
        await asyncio.to_thread(go_on.wait, PATIENCE_SECONDS)
        return {"statusCode": 200, "body": "done"}

    served.functions.handler = lambda _: slow()
    idle = served.connect()
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(target=lambda: answers.append(served.ask("GET", "/open")))
    asking.start()
    assert entered.wait(PATIENCE_SECONDS)
    served.server.should_exit = True
    wait_until(lambda: not served.server.servers[0].is_serving())
    go_on.set()
    seconds = served.stop()
    asking.join(PATIENCE_SECONDS)
    idle.close()
    assert answers == [(200, b"done")]
    assert seconds < 5


def test_a_stop_does_not_wait_for_ever(served: Served) -> None:
    served.functions.handler = lambda _: asyncio.Event().wait()
    with served.connect() as connection:
        connection.sendall(b"GET /open HTTP/1.1\r\n" + HOST + b"\r\n")
        wait_until(lambda: bool(served.gateway.integrations.running))
        assert served.stop() < 5


def test_slow_heads_and_bodies_are_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.protocol.HEAD_SECONDS", 0.05)
    monkeypatch.setattr("emulator.protocol.BODY_PERIOD_SECONDS", 0.05)
    for beginning in (b"", b"GET /op", b"POST /open HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc"):
        with served.connect() as connection:
            connection.sendall(beginning)
            assert connection.recv(100) == b""


def test_half_of_a_next_request_does_not_cost_the_answer_to_this_one(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.protocol.HEAD_SECONDS", 0.02)

    async def slow() -> Any:
        await asyncio.sleep(0.1)
        return {"statusCode": 200, "body": "mine"}

    served.functions.handler = lambda _: slow()
    with served.connect() as connection:
        connection.sendall(b"GET /open HTTP/1.1\r\n" + HOST + b"\r\n")
        wait_until(lambda: bool(served.gateway.integrations.running))
        connection.sendall(b"GET /op")
        assert b"mine" in b"".join(iter(lambda: connection.recv(4_096), b""))


def test_small_answers_are_not_held_back(served: Served) -> None:
    with served.connect():
        wait_until(lambda: bool(served.server.server_state.connections))
        (connection,) = served.server.server_state.connections
        found = connection.transport.get_extra_info("socket")
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_only_the_loopback_listens(shared: Served) -> None:
    assert {name.getsockname()[0] for server in shared.server.servers for name in server.sockets} == {"127.0.0.1"}
