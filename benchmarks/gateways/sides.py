"""The gateways that are compared: how each is started, and what it does with a request."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.gateway_echo import echo_command
from benchmarks.gateways import envoy, installed
from benchmarks.gateways.installed import HERE, tool
from benchmarks.gateways.token import Issuer
from infra.local.children import Children
from infra.local.engines import free_port

Start = Callable[[Path, Issuer, Children], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """A gateway: its name, what it does with each request, and what starts it and returns its port."""

    name: str
    does: str
    start: Start


def _ours(worker: str) -> Start:
    def start(folder: Path, issuer: Issuer, children: Children) -> int:
        port = free_port()
        variables = {"issuer": issuer.url, "algorithm": "RS256"}
        children.start(worker, echo_command(folder, port, worker, variables, {"--ca": issuer.ca}), folder / "log")
        return port

    return start


def _serverless(folder: Path, issuer: Issuer, children: Children) -> int:
    program = installed.serverless()
    key = folder / "key.pem"
    key.write_text(issuer.public_pem)
    port = free_port()
    variables = {
        "BENCH_PUBLIC_KEY": str(key),
        "BENCH_ISSUER": issuer.url,
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
    }
    ports = ["--httpPort", str(port), "--lambdaPort", str(free_port()), "--host", "127.0.0.1"]
    serve = [tool("node"), "node_modules/serverless/bin/serverless.js", "offline", *ports, "--noPrependStageInUrl"]
    children.start("serverless-offline", _in(program, variables, serve), folder / "log")
    return port


def _chalice(folder: Path, issuer: Issuer, children: Children) -> int:
    port = free_port()
    variables = {"BENCH_PUBLIC_KEY_TEXT": issuer.public_pem, "BENCH_ISSUER": issuer.url}
    serve = [
        str(Path(sys.executable).parent / "chalice"),
        "local",
        "--port",
        str(port),
        "--stage",
        "local",
        "--no-autoreload",
    ]
    children.start("chalice local", _in(HERE / "chalice_app", variables, serve), folder / "log")
    return port


def _envoy(folder: Path, issuer: Issuer, children: Children) -> int:
    programs = installed.envoy(), installed.nginx()
    port, behind, admin = free_port(), free_port(), free_port()
    nginx_file, envoy_file = folder / "nginx.conf", folder / "envoy.json"
    nginx_file.write_text(envoy.nginx_configuration(behind, folder))
    envoy_file.write_text(json.dumps(envoy.configuration(port, behind, issuer.url, issuer.jwks, folder)))
    children.start("nginx", [str(programs[1]), "-c", str(nginx_file), "-p", str(folder)], folder / "nginx.log")
    options = ["-c", str(envoy_file), "--concurrency", "1", "--log-level", "error", "--base-id", str(admin)]
    children.start("envoy", [str(programs[0]), *options], folder / "log")
    return port


def _in(folder: Path, variables: dict[str, str], command: list[str]) -> list[str]:
    return ["/usr/bin/env", "-C", str(folder), *(f"{name}={value}" for name, value in variables.items()), *command]


KINDS: Final = (
    Kind("ours, fast", "RS256 verified once a token, API key, plan, throttle, validation, log", _ours("fast")),
    Kind("ours, awslambdaric", "the same, by Lambda's own client in the worker", _ours("awslambdaric")),
    Kind("Envoy", "RS256 each time, local rate limit, log, proxy to nginx; no function", _envoy),
    Kind("serverless-offline", "RS256 by an authorizer function in Node, echo in Node", _serverless),
    Kind("chalice local", "RS256 by an authorizer in the process, echo in Python", _chalice),
)
