"""The command: `python -m emulator --api FILE --stages FILE ...` serves until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import uvloop

from emulator.clock import Clock
from emulator.definition import Deployment
from emulator.gateway.chain import Gateway, Surroundings
from emulator.issuer import IssuerDocuments
from emulator.keyset import KeySet, https_fetch
from emulator.lambdas import FunctionConfig, Functions, TooManyRequests, UnknownFunction
from emulator.lambdas.event_sources import BadEventSource, read_event_sources
from emulator.lambdas.followers import Followers
from emulator.openapi import read_api
from emulator.server import Application, GatewayServer, build_server
from emulator.stages import check_labels, read_stages
from emulator.yaml_source import DefinitionError

# One API, one account on this machine: ids of the length AWS's have.
API_ID = "tollgate00"
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
# Lambda turning an invocation down is the API's fault towards its client: 500 in both cases.
REFUSALS: Mapping[type[Exception], str] = {
    UnknownFunction: "API_CONFIGURATION_ERROR",
    TooManyRequests: "DEFAULT_5XX",
}
MAX_ENVIRONMENTS = 4
SAVE_SECONDS = 1.0
FUNCTIONS_STOP_SECONDS = 1.5


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    for name in ("api", "stages", "functions", "code-root", "cert", "key", "api-keys", "state-dir", "issuer-dir"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--event-sources", type=Path, help="what starts functions besides the gateway (JSON)")
    parser.add_argument(
        "--worker",
        choices=("awslambdaric", "fast"),
        default="awslambdaric",
        help="how functions reach the Runtime API: by awslambdaric's own client, or by a leaner one (same answers)",
    )
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args(argv)


def _variables(given: Sequence[str], stage: str) -> dict[str, str]:
    variables = {"region": DEFAULT_REGION, "account": DEFAULT_ACCOUNT, "stage": stage}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator:
            raise DefinitionError(f"--var {pair}: expected NAME=VALUE")
        variables[name] = value
    return variables


def _deployment(arguments: argparse.Namespace) -> Deployment:
    variables = _variables(arguments.var, arguments.stage)
    stage, plans, account = read_stages(arguments.stages, arguments.stage, variables)
    api = read_api(arguments.api, variables, stage.integration_timeout_ms)
    check_labels(arguments.stages, api, stage, plans)
    return Deployment(api, stage, plans, account, variables["account"], variables["region"], API_ID)


def _functions(arguments: argparse.Namespace, deployment: Deployment) -> list[FunctionConfig]:
    file, code_root = arguments.functions, arguments.code_root
    try:
        rows = orjson.loads(file.read_bytes())["functions"]
        return [
            FunctionConfig(
                name=row["name"],
                handler=row["handler"],
                code_root=str(code_root.resolve()),
                memory_mb=row["memory_mb"],
                timeout_seconds=row["timeout_seconds"],
                environment=row["environment"],
                max_environments=row.get("max_environments", MAX_ENVIRONMENTS),
                region=deployment.region,
                account=deployment.account_id,
                worker=arguments.worker,
            )
            for row in rows
        ]
    except (OSError, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise DefinitionError(f"{file}: {error!r}") from error


def _keysets(deployment: Deployment, ca: Path | None, clock: Clock) -> dict[str, KeySet]:
    fetch = https_fetch(ca, clock)
    authorizers = {method.authorizer for method in deployment.api.methods if method.authorizer}
    issuers = {trusted.issuer for authorizer in authorizers for trusted in authorizer.issuers}
    return {issuer: KeySet(issuer, fetch, clock) for issuer in issuers}


def _write_log(lines: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()


async def _until_stopped(server: GatewayServer, gateway: Gateway, keysets: Mapping[str, KeySet]) -> None:
    """Serves; reads the issuers' keys once it can answer for them; saves quota counts every second."""
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has a flag, not an event)
        await asyncio.sleep(0.01)
    if server.started:
        print(f"emulator: listening on https://127.0.0.1:{server.port}", file=sys.stderr, flush=True)  # noqa: T201
    gc.freeze()  # the definition and the modules stay: the collector need not walk them under load
    warming = [asyncio.create_task(keyset.refresh()) for keyset in keysets.values()]
    while not serving.done():
        await asyncio.wait((serving,), timeout=SAVE_SECONDS)
        gateway.quotas.save()
    await serving
    for task in warming:
        task.cancel()


def _gateway(arguments: argparse.Namespace, deployment: Deployment, around: Surroundings) -> Gateway:
    """The gateway with the quota counts of the last time."""
    arguments.state_dir.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(deployment, around)
    try:
        gateway.quotas.load()
    except (ValueError, KeyError, TypeError) as error:
        raise DefinitionError(f"{around.quota_file}: not the counts it should be: {error!r}") from error
    return gateway


def _followers(arguments: argparse.Namespace, deployment: Deployment, functions: Functions, clock: Clock) -> Followers:
    sources = read_event_sources(arguments.event_sources) if arguments.event_sources else []
    for source in sources:
        if source.function not in functions.pools:
            raise BadEventSource(f"{arguments.event_sources}: there is no function {source.function}")
    return Followers(sources, functions, arguments.state_dir, clock, deployment.region, deployment.account_id)


async def _serve(arguments: argparse.Namespace) -> None:
    clock = Clock()
    deployment = _deployment(arguments)
    functions = Functions(_functions(arguments, deployment))
    around = Surroundings(
        functions=functions,
        invocation_refusals=REFUSALS,
        keysets=_keysets(deployment, arguments.ca, clock),
        write_log=_write_log,
        api_keys_file=arguments.api_keys,
        quota_file=arguments.state_dir / "quotas.json",
        port=arguments.port,
        clock=clock,
    )
    gateway = _gateway(arguments, deployment, around)
    application = Application(gateway, IssuerDocuments(arguments.issuer_dir))
    server = build_server(application, port=arguments.port, cert=arguments.cert, key=arguments.key)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    followers = _followers(arguments, deployment, functions, clock)
    try:
        await functions.start()
        followers.start()
        await _until_stopped(server, gateway, around.keysets)
    finally:
        await followers.stop()
        await gateway.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(functions.stop(), FUNCTIONS_STOP_SECONDS)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(arguments))
    except (DefinitionError, BadEventSource) as error:
        print(f"emulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
