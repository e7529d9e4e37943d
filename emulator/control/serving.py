"""`python -m emulator --control-port PORT`: serves what is deployed to it, and what was deployed before.

The control planes of API Gateway, Lambda and EventBridge's schedules listen on PORT; the data plane is the same gateway
as for definitions on disk. With `--endpoint` functions live elsewhere (LocalStack, say), and so do their planes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

from emulator.clock import Clock
from emulator.control.apis.live import Live
from emulator.control.apis.plane import ApiGateway
from emulator.control.errors import ControlError
from emulator.control.here import Here
from emulator.control.kept import Kept
from emulator.control.server import ControlApi
from emulator.gateway.chain import Surroundings
from emulator.gateway.metrics import Metrics
from emulator.gateway.permission import Permits
from emulator.keyset import https_fetch
from emulator.lambdas import Invoker
from emulator.lambdas.invoke_api import InvokeServer, bound
from emulator.mount import ROOT
from emulator.options import DEFAULT_ACCOUNT, DEFAULT_REGION, pairs
from emulator.running import REFUSALS, KeySets, counted, gateway_server, until_stopped, write_log
from emulator.yaml_source import DefinitionError


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop; DefinitionError if what was deployed before cannot be served any more."""
    keysets, kept = KeySets(arguments.ca, Clock()), Kept(arguments.state_dir / "deployed")
    place = _place(arguments)
    with bound(arguments.control_port) as listener, counted(arguments) as metrics:
        port = int(listener.getsockname()[1])
        here = None if arguments.endpoint else Here.of(arguments, place, kept, port)
        functions = here.functions if here else _elsewhere(arguments, place[0])
        gateway = _gateway(arguments, (kept, place), (functions, here.permits if here else None), keysets, metrics)
        application = _application(gateway, here)
        async with _controlled(application, listener), _running(here, functions):
            _restore(gateway)
            application.restored.set()
            print(f"emulator: control planes on http://127.0.0.1:{port}", file=sys.stderr, flush=True)  # noqa: T201
            try:
                server = gateway_server(arguments, gateway.live, ROOT, metrics)
                await until_stopped(server, gateway.live.save, keysets, metrics)
            finally:
                await gateway.live.close()


def _place(arguments: argparse.Namespace) -> tuple[str, str]:
    given = {"region": DEFAULT_REGION, "account": DEFAULT_ACCOUNT} | pairs(arguments.var, "--var")
    return given["region"], given["account"]


def _elsewhere(arguments: argparse.Namespace, region: str) -> Invoker:
    # boto3 takes its time to import: only who invokes elsewhere waits for it.
    from emulator.lambdas.remote import RemoteFunctions  # noqa: PLC0415

    return RemoteFunctions(arguments.endpoint, region)


def _gateway(
    arguments: argparse.Namespace,
    where: tuple[Kept, tuple[str, str]],
    invoked: tuple[Invoker, Permits | None],
    keysets: KeySets,
    metrics: Metrics,
) -> ApiGateway:
    (kept, place), (functions, permits), clock = where, invoked, Clock()
    around = Surroundings(functions, REFUSALS, keysets, write_log, port=arguments.port, clock=clock, metrics=metrics)
    around = replace(around, permits=permits)
    front = tuple(arguments.front.split("/")) if arguments.front else None
    live = Live(around, kept.folder, *place, keysets.know, front)
    return ApiGateway(kept, live, https_fetch(arguments.ca, clock), clock)


def _application(gateway: ApiGateway, here: Here | None) -> ControlApi:
    return ControlApi((*(here.planes if here else ()), gateway), here.invoke if here else None)


def _restore(gateway: ApiGateway) -> None:
    try:
        gateway.releases.restore()
    except ControlError as error:
        raise DefinitionError(f"what was deployed before cannot be served: {error.message}") from error


@contextlib.asynccontextmanager
async def _running(here: Here | None, functions: Invoker) -> AsyncIterator[None]:
    try:
        await (here.start() if here else functions.start())
        yield
    finally:
        await (here.stop() if here else functions.stop())


@contextlib.asynccontextmanager
async def _controlled(application: ControlApi, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the control planes until the end of the block."""
    server = InvokeServer(application, listener)
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await serving
