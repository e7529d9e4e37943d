"""The lean client's connections, and every way a call can end told apart."""

import socket
import ssl
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import orjson
import pytest

from chalicelib.store.port import OutcomeUnknown, Unreachable
from chalicelib.store.wire import (
    AwsError,
    AwsJson,
    Credentials,
    StaleConnection,
)
from tests.doubles.time_and_chance import HandClock

ME = Credentials("AKIDUNIT", "not-a-secret")
SECONDS = 5.0

# A server that does as it is told, one connection after the other.

Step = Callable[[socket.socket], None]


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _answer(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def says(body: bytes, status: str = "200 OK", headers: str = "") -> Step:
    def step(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(_answer(body, status, headers))

    return step


def _reset(connection: socket.socket) -> None:
    _request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def _hears_and_hangs_up(connection: socket.socket) -> None:
    _request(connection)


def _breaks_off(connection: socket.socket) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def _talks_nonsense(connection: socket.socket) -> None:
    _request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def _is_silent(connection: socket.socket) -> None:
    _request(connection)
    connection.recv(1)  # until the client gives up


class Server:
    """Plays one list of steps for each connection it accepts, then closes it."""

    def __init__(self, *connections: list[Step]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self.closed: list[socket.socket] = []
        self._thread = Thread(target=self._serve, args=(connections,), daemon=True)
        self._thread.start()

    def _serve(self, connections: tuple[list[Step], ...]) -> None:
        for steps in connections:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with connection:
                connection.settimeout(SECONDS)
                for step in steps:
                    step(connection)

    def stop(self) -> None:
        self._listener.close()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*connections: list[Step]) -> Server:
        servers.append(Server(*connections))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def client(url: str, **options: Any) -> AwsJson:
    return AwsJson("dynamodb", "DynamoDB_20120810", endpoint=url, region="us-east-1", credentials=lambda: ME, **options)


Serve = Callable[..., Server]


def test_a_call_is_one_signed_request(serve: Serve) -> None:
    heard: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        heard.append(_request(connection))
        connection.sendall(_answer(b'{"ok":true}'))

    server = serve([listen])
    wire = client(server.url, clock=HandClock())
    assert wire.call("GetItem", {"b": b"\x00\xff"}, SECONDS) == {"ok": True}
    wire.close()
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert body == b'{"b":"AP8="}'
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert "X-Amz-Target: DynamoDB_20120810.GetItem" in lines
    assert "X-Amz-Date: 20261123T090000Z" in lines
    assert "Content-Type: application/x-amz-json-1.0" in lines


def test_a_connection_is_kept(serve: Serve) -> None:
    server = serve([says(b"{}"), says(b'{"n":2}')])
    wire = client(server.url)
    assert wire.call("GetItem", {}, SECONDS) == {}
    assert wire.call("GetItem", {}, SECONDS) == {"n": 2}
    assert server.accepted == 1
    wire.close()


def test_a_connection_that_says_close_is_not_kept(serve: Serve) -> None:
    server = serve([says(b"{}", headers="Connection: close\r\n")], [says(b"{}")])
    wire = client(server.url)
    for _ in range(2):
        wire.call("GetItem", {}, SECONDS)
    assert server.accepted == 2
    wire.close()


def test_an_error_has_its_code_status_and_body(serve: Serve) -> None:
    body = orjson.dumps({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"})
    wire = client(serve([says(body, "400 Bad Request"), says(b"<html>", "503 Busy")]).url)
    with pytest.raises(AwsError) as caught:
        wire.call("GetItem", {}, SECONDS)
    assert (caught.value.code, caught.value.status, caught.value.body["message"]) == (
        "ThrottlingException",
        400,
        "slow down",
    )
    with pytest.raises(AwsError) as caught:
        wire.call("GetItem", {}, SECONDS)
    assert (caught.value.code, caught.value.status, caught.value.body) == ("", 503, {})
    wire.close()


@pytest.mark.parametrize(
    "step",
    [_reset, _hears_and_hangs_up, _breaks_off, _talks_nonsense, says(b"not json", headers="Connection: close\r\n")],
)
def test_a_lost_answer_is_an_unknown_outcome_and_not_asked_again(serve: Serve, step: Step) -> None:
    server = serve([step], [says(b"{}")])
    wire = client(server.url)
    with pytest.raises(OutcomeUnknown) as caught:
        wire.call("TransactWriteItems", {}, SECONDS, repeatable=True)
    assert not isinstance(caught.value, StaleConnection)
    assert server.accepted == 1
    assert wire.call("GetItem", {}, SECONDS) == {}
    wire.close()


def test_silence_is_an_unknown_outcome_after_the_timeout(serve: Serve) -> None:
    wire = client(serve([_is_silent]).url)
    with pytest.raises(OutcomeUnknown, match="in time"):
        wire.call("GetItem", {}, 0.05, repeatable=True)


def test_a_drip_of_bytes_does_not_extend_the_timeout(serve: Serve) -> None:
    def drip(connection: socket.socket) -> None:
        _request(connection)
        try:
            for byte in _answer(b"{}" + b" " * 10_000):
                connection.sendall(bytes([byte]))
                connection.settimeout(0.01)
                try:
                    if not connection.recv(1):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return

    wire = client(serve([drip]).url)
    with pytest.raises(OutcomeUnknown, match="in time"):
        wire.call("GetItem", {}, 0.2)


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable):
        client(f"http://127.0.0.1:{port}").call("GetItem", {}, SECONDS)


def test_a_server_without_tls_is_unreachable_by_https(serve: Serve) -> None:
    server = serve([lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")])
    with pytest.raises(Unreachable):
        client(server.url.replace("http:", "https:")).call("GetItem", {}, SECONDS)


def test_a_certificate_of_nobody_we_know_is_unreachable(serve: Serve) -> None:
    import trustme  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def shake(connection: socket.socket) -> None:
        with pytest.raises(OSError, match=r"(?i)alert|eof|reset|closed"):
            context.wrap_socket(connection.dup(), server_side=True).recv(1)

    with pytest.raises(Unreachable, match="certificate"):
        client(serve([shake]).url.replace("http:", "https:")).call("GetItem", {}, SECONDS)


def test_https_with_a_known_certificate_is_verified_and_kept(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    import trustme  # noqa: PLC0415

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secure:
            for _ in range(3):
                says(b"{}")(secure)

    server = serve([talk])
    wire = client(server.url.replace("http:", "https:"))
    for _ in range(3):
        assert wire.call("GetItem", {}, SECONDS) == {}
    assert server.accepted == 1
    wire.close()


# A kept connection that the server closed: seen before it is used, or, in a race, only after.


def test_a_connection_that_was_closed_meanwhile_is_replaced_before_it_is_used(serve: Serve) -> None:
    server = serve([says(b"{}")], [says(b'{"n":2}')])
    wire = client(server.url)
    wire.call("GetItem", {}, SECONDS)
    _wait_until_closed(wire)
    assert wire.call("TransactWriteItems", {}, SECONDS) == {"n": 2}
    wire.close()


def _wait_until_closed(wire: AwsJson) -> None:
    assert wire._idle[-1]._poll.poll(SECONDS * 1000)


@pytest.mark.parametrize("hang_up", [_reset, _hears_and_hangs_up])
def test_a_stale_connection_is_asked_again_once_and_only_for_what_may_be_repeated(serve: Serve, hang_up: Step) -> None:
    server = serve([says(b"{}"), hang_up], [says(b'{"n":2}')])
    wire = client(server.url)
    wire.call("GetItem", {}, SECONDS)
    assert wire.call("GetItem", {}, SECONDS, repeatable=True) == {"n": 2}
    assert server.accepted == 2
    wire.close()


@pytest.mark.parametrize("hang_up", [_reset, _hears_and_hangs_up])
def test_a_stale_connection_is_an_unknown_outcome_for_a_write(serve: Serve, hang_up: Step) -> None:
    server = serve([says(b"{}"), hang_up], [says(b"{}")])
    wire = client(server.url)
    wire.call("GetItem", {}, SECONDS)
    with pytest.raises(StaleConnection):
        wire.call("TransactWriteItems", {}, SECONDS)
    assert server.accepted == 1
    wire.call("GetItem", {}, SECONDS)
    wire.close()


def test_a_connection_that_slept_too_long_is_replaced(serve: Serve) -> None:
    server = serve([says(b"{}")], [says(b"{}")])
    hands = HandClock()
    wire = client(server.url, clock=hands)
    wire.call("GetItem", {}, SECONDS)
    hands.move(46.0)
    wire.call("GetItem", {}, SECONDS)
    assert server.accepted == 2
    wire.close()
