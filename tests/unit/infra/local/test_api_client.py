"""The client opens a connection again when the server has closed the idle one."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.local.api_client import Api, Credentials
from infra.local.certificates import ensure_certificates


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, and close without saying so, as a server does with an idle connection."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = True

    def finish(self) -> None:
        """Say that the connection is closed now."""
        super().finish()
        self.connection.close()
        assert isinstance(self.server, _Server)
        self.server.closed.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.closed = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[_Server, Path]]:
    certificates = ensure_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    server = _Server()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server, certificates.ca
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_connection_closed_while_idle_is_opened_again(server: tuple[_Server, Path]) -> None:
    running, ca = server
    api = Api(f"https://localhost:{running.server_address[1]}", str(ca), Credentials("", "", ""))
    for _ in range(3):
        assert api.get("/").status == 200
        assert running.closed.wait(5)
        running.closed.clear()
    api.close()
