"""The command: `python -m emulator --api FILE ...` serves until it is told to stop (`options.py` has the options)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import uvloop

from emulator.clock import Clock
from emulator.definition import Deployment, Plan, Stage, Throttle
from emulator.gateway.chain import Gateway, Surroundings
from emulator.keyset import KeySet
from emulator.lambdas import Functions, Invoker
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.event_sources import BadEventSource, Source, read_event_sources
from emulator.lambdas.followers import Followers
from emulator.lambdas.invoke_api import InvokeApi, InvokeServer, bound
from emulator.mount import Mount
from emulator.openapi import read_api
from emulator.options import DEFAULT_ACCOUNT, DEFAULT_REGION, pairs, read_arguments
from emulator.running import REFUSALS, KeySets, counted, gateway_server, until_stopped, write_log
from emulator.served import Served
from emulator.sources import chalice_event_sources, chalice_project, read_functions
from emulator.stages import ACCOUNT_THROTTLE, bare_stage, check_labels, definition_variables, read_stages
from emulator.yaml_source import DefinitionError

# One API, one account on this machine: ids of the length AWS's have.
API_ID = "tollgate00"
FUNCTIONS_STOP_SECONDS = 1.5


def _variables(given: Sequence[str], stage: str) -> dict[str, str]:
    return {"region": DEFAULT_REGION, "account": DEFAULT_ACCOUNT, "stage": stage} | pairs(given, "--var")


def _deployment(arguments: argparse.Namespace, api_file: Path) -> Deployment:
    variables = _variables(arguments.var, arguments.stage)
    stage, plans, account = _stages(arguments, variables)
    api = read_api(api_file, variables | definition_variables(stage), stage.integration_timeout_ms)
    check_labels(arguments.stages or api_file, api, stage, plans)
    mount = _mount(arguments)
    return Deployment(api, stage, plans, account, variables["account"], variables["region"], API_ID, mount)


def _mount(arguments: argparse.Namespace) -> Mount:
    base = arguments.stage if arguments.stage_path else arguments.base_path.strip("/")
    return Mount(f"/{base}" if base else "", by_stage=arguments.stage_path)


def _stages(
    arguments: argparse.Namespace, variables: Mapping[str, str]
) -> tuple[Stage, Mapping[str, Plan], Throttle | None]:
    if arguments.stages is not None:
        return read_stages(arguments.stages, arguments.stage, variables)
    return bare_stage(arguments.stage, json_log=arguments.json), {}, ACCOUNT_THROTTLE


def _api_file(arguments: argparse.Namespace) -> Path:
    """The definition: a file that is given, or what Chalice would import for the app's routes."""
    if arguments.api is not None:
        return Path(arguments.api)
    api = chalice_project(arguments.functions, arguments.stage)["api"]
    if api is None:
        raise DefinitionError(f"{arguments.functions}: the app has no routes; name a definition with --api")
    file = Path(arguments.state_dir) / "chalice-api.json"
    file.write_bytes(orjson.dumps(api, option=orjson.OPT_INDENT_2))
    return file


def _invoked(arguments: argparse.Namespace, deployment: Deployment, invoke_port: int) -> Invoker:
    given = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{invoke_port}"}
    configs = read_functions(arguments, _variables(arguments.var, arguments.stage), given)
    if arguments.endpoint is None:
        return Functions(configs)
    if configs:
        raise DefinitionError("--endpoint: the functions are there; leave --functions and --lambda out")
    # boto3 takes its time to import: only who invokes elsewhere waits for it.
    from emulator.lambdas.remote import RemoteFunctions  # noqa: PLC0415

    return RemoteFunctions(arguments.endpoint, deployment.region)


def _check_functions(api_file: Path, deployment: Deployment, functions: Invoker) -> None:
    """A method whose function nobody runs is found now and not by its first caller."""
    if not isinstance(functions, Functions):
        return
    for method in deployment.api.methods:
        wanted = next((name for name in method.functions if functions.pool(name) is None), None)
        if wanted is not None:
            raise DefinitionError(
                f"{api_file}: {method.label}: there is no function {wanted}; there are "
                f"{', '.join(sorted(functions.pools)) or 'none'} (--lambda {wanted}=module:handler adds one)"
            )


def _gateway(deployment: Deployment, around: Surroundings) -> Gateway:
    """The gateway with the quota counts of the last time."""
    gateway = Gateway(deployment, around)
    try:
        gateway.quotas.load()
    except (ValueError, KeyError, TypeError) as error:
        raise DefinitionError(f"{around.quota_file}: not the counts it should be: {error!r}") from error
    return gateway


def _sources(arguments: argparse.Namespace) -> list[Source]:
    """What starts functions besides the gateway: the file that is named, or what a Chalice app says itself."""
    if arguments.event_sources is not None:
        return read_event_sources(arguments.event_sources)
    if arguments.functions is not None and arguments.functions.suffix == ".py":
        return chalice_event_sources(arguments)
    return []


def _followers(arguments: argparse.Namespace, deployment: Deployment, functions: Invoker, clock: Clock) -> Followers:
    sources = _sources(arguments)
    if not isinstance(functions, Functions):
        if sources:
            raise BadEventSource("--event-sources: the functions of --endpoint have their own")
        return Followers([], functions, arguments.state_dir, clock, deployment.region, deployment.account_id)
    for source in sources:
        if source.function not in functions.pools:
            raise BadEventSource(f"{arguments.event_sources}: there is no function {source.function}")
    return Followers(sources, functions, arguments.state_dir, clock, deployment.region, deployment.account_id)


@contextlib.contextmanager
def _state(arguments: argparse.Namespace) -> Iterator[None]:
    """Keep what is remembered in the folder that was named, or until the end."""
    if arguments.state_dir is not None:
        arguments.state_dir.mkdir(parents=True, exist_ok=True)
        yield
        return
    with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
        arguments.state_dir = Path(folder)
        yield


async def _serve(arguments: argparse.Namespace) -> None:
    clock, keysets = Clock(), KeySets(arguments.ca, Clock())
    deployment = _deployment(arguments, _api_file(arguments))
    with bound() as listener, counted(arguments) as metrics:
        functions = _invoked(arguments, deployment, listener.getsockname()[1])

        def load() -> Deployment:
            api_file = _api_file(arguments)
            read = _deployment(arguments, api_file)
            _check_functions(api_file, read, functions)
            keysets.know(read)
            return read

        around = replace(_surroundings(arguments, functions, keysets, clock), metrics=metrics)
        served = Served(_gateway(load(), around), around, load)
        followers = _followers(arguments, deployment, functions, clock)
        async with _invocable(functions, listener, clock), _reloaded(served, _definitions(arguments)):
            followers.start()
            try:
                server = gateway_server(arguments, served, _mount(arguments), metrics)
                await until_stopped(server, served.save, keysets, metrics)
            finally:
                await followers.stop()
                await served.close()


def _surroundings(
    arguments: argparse.Namespace, functions: Invoker, keysets: Mapping[str, KeySet], clock: Clock
) -> Surroundings:
    return Surroundings(
        functions=functions,
        invocation_refusals=REFUSALS,
        keysets=keysets,
        write_log=write_log,
        api_keys_file=arguments.api_keys,
        quota_file=arguments.state_dir / "quotas.json",
        port=arguments.port,
        clock=clock,
    )


def _definitions(arguments: argparse.Namespace) -> list[Path]:
    """The files whose edits change what is served; of a Chalice app without a definition, the app."""
    return [file for file in (arguments.api or arguments.functions, arguments.stages) if file is not None]


@contextlib.asynccontextmanager
async def _reloaded(served: Served, files: list[Path]) -> AsyncIterator[None]:
    following = asyncio.create_task(served.follow(files))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@contextlib.asynccontextmanager
async def _invocable(functions: Invoker, listener: socket.socket, clock: Clock) -> AsyncIterator[None]:
    """Run the functions, and the API through which they invoke each other."""
    try:
        await functions.start()
        if not isinstance(functions, Functions):
            yield
            return
        asynchronous = Asynchronous(functions, clock)
        api = InvokeServer(InvokeApi(functions, asynchronous), listener)
        serving = asyncio.create_task(api.run_until_stopped())
        try:
            yield
        finally:
            await asynchronous.stop()
            api.should_exit = api.force_exit = True
            await serving
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(functions.stop(), FUNCTIONS_STOP_SECONDS)


async def _serve_deployed(arguments: argparse.Namespace) -> None:
    # botocore takes its time to import: only who deploys here waits for it.
    from emulator.control.serving import serve  # noqa: PLC0415

    await serve(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = read_arguments(argv)
    try:
        with _state(arguments), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(arguments) if arguments.control_port is None else _serve_deployed(arguments))
    except (DefinitionError, BadEventSource) as error:
        print(f"emulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
