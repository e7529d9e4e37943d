"""The command itself: a process that serves real functions, and ends as it should."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from infra.local.engines import free_port
from tests.doubles.gateway import AUDIENCE, HERE, KEYS, SIGNING_KEY, claims, jwk, mint, signed
from tests.doubles.gateway_command import serving

ROOT = HERE.parent.parent
PATIENCE_SECONDS = 30.0
HANDLER = """
import json, os
def handle(event, context):
    if event["path"] == "/open" and event["httpMethod"] == "POST":
        os._exit(1)
    return {"statusCode": 200, "body": json.dumps([event["requestContext"].get("authorizer"), os.environ["GREETING"]])}
"""


class Process:
    """`python -m emulator` on a free port, with an issuer of its own."""

    def __init__(self, directory: Path, **changes: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}/_emulator/issuer"
        self._files()
        options = {
            "api": str(HERE / "gateway_api.yaml"),
            "stages": str(HERE / "gateway_stages.yaml"),
            "stage": "local",
            "functions": str(directory / "functions.json"),
            "code-root": str(directory / "code"),
            "port": str(self.port),
            "cert": str(directory / "cert.pem"),
            "key": str(directory / "key.pem"),
            "ca": str(directory / "ca.pem"),
            "api-keys": str(directory / "api_keys.json"),
            "state-dir": str(directory / "state"),
            "issuer-dir": str(directory / "issuer"),
        } | changes
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        variables = ["--var", f"issuer={self.issuer}", "--var", f"audience={AUDIENCE}"]
        self.log = (directory / "stdout").open("wb")
        self.errors = (directory / "stderr").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emulator", *arguments, *variables],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.errors,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def _files(self) -> None:
        directory = self.directory
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(directory / "ca.pem")
        certificate.private_key_pem.write_to_path(directory / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(directory / "cert.pem")
        for name in ("issuer", "code"):
            (directory / name).mkdir()
        discovery = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/.well-known/jwks.json"}
        (directory / "issuer" / "openid-configuration").write_bytes(orjson.dumps(discovery))
        (directory / "issuer" / "jwks.json").write_bytes(orjson.dumps({"keys": [jwk(SIGNING_KEY, "k1")]}))
        (directory / "api_keys.json").write_bytes(orjson.dumps(KEYS))
        (directory / "code" / "sample.py").write_text(HANDLER)
        function = {
            "name": "sample-local-echo",
            "handler": "sample.handle",
            "memory_mb": 256,
            "timeout_seconds": 5,
            "environment": {"GREETING": "hello"},
        }
        (directory / "functions.json").write_bytes(orjson.dumps({"functions": [function]}))

    def said(self) -> str:
        return (self.directory / "stderr").read_text()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "listening on" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, Any]:
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        client = http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE_SECONDS, context=context)
        client.request(method, path, headers=headers)
        response = client.getresponse()
        status, body = response.status, json.loads(response.read())
        client.close()
        return status, body

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        return code, time.monotonic() - begun

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.errors.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    found = Process(tmp_path)
    yield found
    found.close()


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_it_serves_real_functions_and_stops_when_told(process: Process) -> None:
    process.wait_ready()
    token = mint(_fresh(process))
    status, body = process.ask("GET", "/things/1", **signed(token, "small-value"))
    assert (status, body[0]["claims"]["sub"], body[1]) == (200, "client-1", "hello")
    assert process.ask("GET", "/things/1")[0] == 401
    assert process.ask("POST", "/open") == (502, {"message": "Internal server error"})
    assert process.ask("GET", "/open")[0] == 200
    left = children(process.process.pid)
    code, seconds = process.end()
    assert code == 0
    assert seconds < 5
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]
    lines = (process.directory / "stdout").read_text().splitlines()
    assert [line.split()[3] for line in lines if len(line.split()) > 3][:4] == ["200", "401", "502", "200"]
    counts = json.loads((process.directory / "state" / "quotas.json").read_bytes())
    assert counts["small/key-small"]["used"] == 1


def test_control_c_stops_it_too(process: Process) -> None:
    process.wait_ready()
    assert process.end(signal.SIGINT)[0] == 0


def _fresh(process: Process) -> dict[str, Any]:
    now = int(time.time())
    return claims(iss=process.issuer, iat=now, exp=now + 60)


def test_a_definition_that_cannot_be_served_ends_it_with_the_place(tmp_path: Path) -> None:
    process = Process(tmp_path, stage="nowhere")
    try:
        assert process.process.wait(PATIENCE_SECONDS) == 2
        assert "gateway_stages.yaml:1: stages: there is no stage 'nowhere'" in process.said()
        assert "Traceback" not in process.said()
    finally:
        process.close()


def test_quota_counts_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "quotas.json").write_text("{")
    process = Process(tmp_path)
    try:
        assert process.process.wait(PATIENCE_SECONDS) == 2
        assert "quotas.json: not the counts it should be" in process.said()
    finally:
        process.close()


BARE = """
openapi: 3.0.1
info: {{title: bare, version: "1"}}
paths:
  /open:
    get:
      x-amazon-apigateway-integration: {{type: aws_proxy, httpMethod: POST, uri: "{function}"}}
"""
URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:open/invocations"
)


def get(port: int, path: str) -> tuple[int, str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    client.request("GET", path)
    response = client.getresponse()
    found = response.status, response.read().decode()
    client.close()
    return found


def test_it_is_served_under_its_stage_and_counted(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(BARE.format(function=URI))
    (tmp_path / "opens.py").write_text(HANDLER)
    arguments = ["--api", str(tmp_path / "api.yaml"), "--lambda", "open=opens:handle", "--env", "GREETING=hello"]
    arguments += ["--code-root", str(tmp_path), "--stage-path", "--metrics-log", str(tmp_path / "metrics.jsonl")]
    with serving(arguments, tmp_path) as port:
        assert get(port, "/dev/open") == (200, '[null, "hello"]')
        assert get(port, "/open") == (403, '{"message":"Forbidden"}')
        status, text = get(port, "/_emulator/metrics")
    assert status == 200
    labels = 'api_name="bare",method="GET",resource="/open",stage="dev"'
    assert f"aws_apigateway_count_total{{{labels}}} 1.0" in text
    (record,) = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert (record["ApiName"], record["Count"], record["4XXError"]) == ("bare", [1], [0])


def test_a_port_that_is_taken_ends_it_with_a_word(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = Process(tmp_path, port=str(taken.getsockname()[1]))
        try:
            assert process.process.wait(PATIENCE_SECONDS) != 0
            assert "in use" in process.said()
        finally:
            process.close()
