"""A gateway behind TLS on a port of its own, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import trustme
import uvloop

from emulator.gateway.chain import Gateway, Surroundings
from emulator.issuer import IssuerDocuments
from emulator.keyset import KeySet, https_fetch
from emulator.server import Application, GatewayServer, build_server
from infra.local.engines import free_port
from tests.doubles.gateway import (
    KEYS,
    REFUSALS,
    SIGNING_KEY,
    FakeFunctions,
    HandClock,
    claims,
    jwk,
    mint,
    read_deployment,
)

PATIENCE_SECONDS = 10.0


class Served:
    """A gateway on a port of its own, in a thread with its own event loop; the issuer is served by itself."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}/_emulator/issuer"
        self.functions = FakeFunctions()
        self.log: list[bytes] = []
        self.ca = directory / "ca.pem"
        self._certificates()
        self._files()
        self.server = self._build()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def _certificates(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca)
        certificate.private_key_pem.write_to_path(self.directory / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self.directory / "cert.pem")

    def _files(self) -> None:
        (self.directory / "api_keys.json").write_bytes(orjson.dumps(KEYS))
        (self.directory / "issuer").mkdir()
        discovery = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/.well-known/jwks.json"}
        (self.directory / "issuer" / "openid-configuration").write_bytes(orjson.dumps(discovery))
        (self.directory / "issuer" / "jwks.json").write_bytes(orjson.dumps({"keys": [jwk(SIGNING_KEY, "k1")]}))
        (self.directory / "issuer" / "secret").write_text("not for anyone")

    def _build(self) -> GatewayServer:
        clock = HandClock().clock()
        self.gateway = Gateway(
            read_deployment(issuer=self.issuer),
            Surroundings(
                functions=self.functions,
                invocation_refusals=REFUSALS,
                keysets={self.issuer: KeySet(self.issuer, https_fetch(self.ca, clock), clock)},
                write_log=self.log.append,
                api_keys_file=self.directory / "api_keys.json",
                port=self.port,
                clock=clock,
            ),
        )
        application = Application(self.gateway, IssuerDocuments(self.directory / "issuer"))
        return build_server(
            application, port=self.port, cert=self.directory / "cert.pem", key=self.directory / "key.pem"
        )

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.001)
        self._started.set()
        await serving
        await self.gateway.close()

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(PATIENCE_SECONDS)

    def stop(self) -> float:
        """Stops and returns the seconds it took."""
        begun = time.monotonic()
        self.server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return time.monotonic() - begun

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        return self.context().wrap_socket(plain, server_hostname="127.0.0.1")

    def client(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE_SECONDS, context=self.context())

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Any:
        client = self.client()
        client.request(method, path, body=body, headers=headers or {})
        response = client.getresponse()
        answer = response.status, response.read()
        client.close()
        return answer

    def raw(self, data: bytes) -> tuple[int, bytes]:
        """Sends the bytes as they are and reads one answer; status 0 if there is none."""
        with self.connect() as connection:
            connection.sendall(data)
            response = http.client.HTTPResponse(connection)
            try:
                response.begin()
            except (http.client.HTTPException, OSError):
                return 0, b""
            return response.status, response.read()

    def token(self) -> str:
        return mint(claims(iss=self.issuer))
