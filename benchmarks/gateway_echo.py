"""Requests per second through the gateway to a Python function that echoes."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.load import Plan, http_request, run
from benchmarks.report import row
from infra.local.api_client import Api, Credentials
from infra.local.certificates import ensure_certificates
from infra.local.children import Children
from infra.local.engines import ROOT, free_port

CONNECTIONS = (1, 16, 64)
READY_SECONDS = 30.0
HERE = Path(__file__).parent / "echo"


WORKERS = ("awslambdaric", "fast")


def report(root: Path, seconds: float) -> None:
    """Print a line per worker and number of connections."""
    row("worker, connections", "requests/s", "p50 ms", "p99 ms", "not 200", "gateway CPU us")
    rates = [_measure(root / worker, worker, seconds) for worker in WORKERS]
    for connections, own, fast in zip(CONNECTIONS, *rates, strict=True):
        row(f"  ratio fast : awslambdaric at {connections}", f"{fast / own:.2f}")


def _measure(folder: Path, worker: str, seconds: float) -> list[float]:
    folder.mkdir(parents=True)
    rates = []
    base = f"https://localhost:{(port := free_port())}"
    token = _issue(folder, f"{base}/_emulator/issuer")
    children = Children()
    try:
        _start(folder, port, f"{base}/_emulator/issuer", worker, children)
        pid = children.running[0][1].pid
        request = echo_request(token)
        _until_ready(base, folder, token, children)
        for connections in CONNECTIONS:
            before = _cpu_seconds(pid)
            result = run(Plan(base, str(folder / "ca.pem"), (request,), connections, seconds, "echo"))
            total = sum(result.statuses.values())
            rates.append(result.rate)
            row(
                f"{worker}, {connections}",
                f"{result.rate:.0f}",
                f"{result.p50_ms:.2f}",
                f"{result.p99_ms:.2f}",
                str(total - result.statuses.get("200", 0)),
                f"{(_cpu_seconds(pid) - before) / total * 1e6:.0f}",
            )
    finally:
        children.stop()
    return rates


def _issue(folder: Path, issuer: str) -> str:
    """Be the issuer: a key, its two documents, and one token."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    documents = folder / "issuer"
    documents.mkdir()
    jwks = {"keys": [{**public, "kid": "bench", "use": "sig", "alg": "ES256"}]}
    (documents / "jwks.json").write_text(json.dumps(jwks))
    metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/.well-known/jwks.json"}
    (documents / "openid-configuration").write_text(json.dumps(metadata))
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": "echo",
        "sub": "bench",
        "jti": "bench",
        "scope": "echo:write",
        "iat": now,
        "exp": now + 900,
    }
    return jwt.encode(claims, key, "ES256", headers={"kid": "bench", "typ": "at+jwt"})


def _start(folder: Path, port: int, issuer: str, worker: str, children: Children) -> None:
    certificates = ensure_certificates(folder)
    options = {
        "--cert": certificates.server,
        "--key": certificates.server_key,
        "--ca": certificates.ca,
        "--issuer-dir": folder / "issuer",
    }
    command = echo_command(folder, port, worker, {"issuer": issuer, "algorithm": "ES256"}, options)
    children.start("the emulator", command, folder / "emulator.log")


def echo_command(  # noqa: PLR0913, PLR0917 - what differs between those who are measured
    folder: Path,
    port: int,
    worker: str,
    variables: Mapping[str, str],
    more: Mapping[str, object],
    handler: str = "handle",
) -> list[str]:
    """Write what the echo function and its caller need into `folder`; return the command that serves it."""
    function = {
        "name": "echo",
        "handler": f"benchmarks.echo.entry.{handler}",
        "memory_mb": 256,
        "timeout_seconds": 10,
        "environment": {},
    }
    (folder / "functions.json").write_text(json.dumps({"functions": [function]}))
    keys = {"keys": [{"id": "bench", "value": "bench-key", "plan": "all", "enabled": True}]}
    (folder / "api_keys.json").write_text(json.dumps(keys))
    options = {
        "--api": HERE / "api.yaml",
        "--stages": HERE / "stages.yaml",
        "--stage": "local",
        "--functions": folder / "functions.json",
        "--code-root": ROOT,
        "--port": port,
        "--api-keys": folder / "api_keys.json",
        "--state-dir": folder / "state",
        "--worker": worker,
        **more,
    }
    command = [sys.executable, "-m", "emulator", *(str(part) for pair in options.items() for part in pair)]
    return command + [part for name, value in variables.items() for part in ("--var", f"{name}={value}")]


def echo_request(token: str, key: str = "bench-key", **more: object) -> str:
    """Render a request of about 300 bytes of body; `more` are fields of it."""
    headers = {
        "Host": "localhost",
        "Authorization": f"Bearer {token}",
        "x-api-key": key,
        "Content-Type": "application/json",
        "Idempotency-Key": "@key@",
    }
    return http_request("POST", "/echo", headers, json.dumps({"amount": 1, "text": "x" * 250, **more}))


def _until_ready(base: str, folder: Path, token: str, children: Children) -> None:
    deadline = time.monotonic() + READY_SECONDS
    api = Api(base, str(folder / "ca.pem"), Credentials("", "", "bench-key"), token)
    while time.monotonic() < deadline:
        children.check()
        try:
            if api.post("/echo", {"amount": 1}).status == 200:
                return
        except OSError:
            pass
        finally:
            api.close()
        time.sleep(0.05)
    raise TimeoutError("the gateway was not ready")


def _cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used (user and system; clock ticks of 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
