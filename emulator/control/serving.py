"""`python -m emulator --control-port PORT`: serves what is deployed to it, and what was deployed before.

The control planes of API Gateway, Lambda and EventBridge's schedules listen on PORT; the data plane is the same gateway
as for definitions on disk. Functions find in their environment what this process has of `AWS_...`, and Lambda here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.control.apis.live import Live
from emulator.control.apis.plane import ApiGateway
from emulator.control.functions.code import Code
from emulator.control.functions.plane import Lambda
from emulator.control.functions.roster import Machine, Roster
from emulator.control.functions.rules import Rules
from emulator.control.kept import Kept
from emulator.control.server import ControlApi
from emulator.gateway.chain import Surroundings
from emulator.gateway.metrics import Metrics
from emulator.keyset import https_fetch
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.followers import Followers
from emulator.lambdas.functions import DeployedFunctions
from emulator.lambdas.invoke_api import InvokeApi, InvokeServer, bound
from emulator.mount import ROOT
from emulator.options import DEFAULT_ACCOUNT, DEFAULT_REGION, pairs
from emulator.running import REFUSALS, KeySets, counted, gateway_server, until_stopped, write_log

FUNCTIONS_STOP_SECONDS = 1.5


@dataclass(slots=True)
class _Machine:
    """Everything that serves: made from the command line, before anything is put back."""

    live: Live
    functions: DeployedFunctions
    followers: Followers
    asynchronous: Asynchronous
    api_gateway: ApiGateway
    functions_plane: Lambda
    rules: Rules

    async def restore(self) -> None:
        """Put back what was deployed before: functions first, since stages lead to them."""
        await self.functions.start()
        await self.functions_plane.restore()
        await self.rules.restore()
        self.api_gateway.releases.restore()


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop."""
    clock, keysets = Clock(), KeySets(arguments.ca, Clock())
    with bound(arguments.control_port) as listener, counted(arguments) as metrics:
        machine = _machine(arguments, listener, keysets, metrics, clock)
        async with _controlled(machine, listener):
            await machine.restore()
            print(f"emulator: control planes on http://127.0.0.1:{_port(listener)}", file=sys.stderr, flush=True)  # noqa: T201
            server = gateway_server(arguments, machine.live, ROOT, metrics)
            await until_stopped(server, machine.live.save, keysets, metrics)


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _machine(
    arguments: argparse.Namespace, listener: socket.socket, keysets: KeySets, metrics: Metrics, clock: Clock
) -> _Machine:
    given = {"region": DEFAULT_REGION, "account": DEFAULT_ACCOUNT} | pairs(arguments.var, "--var")
    region, account = given["region"], given["account"]
    kept = Kept(arguments.state_dir / "deployed")
    functions = DeployedFunctions(clock)
    around = Surroundings(functions, REFUSALS, keysets, write_log, port=arguments.port, clock=clock, metrics=metrics)
    front = tuple(arguments.front.split("/")) if arguments.front else None
    live = Live(around, kept.folder, region, account, keysets.know, front)
    followers = Followers([], functions, arguments.state_dir, clock, region, account)
    machine = Machine(region, account, _environment(_port(listener)), arguments.worker)
    roster = Roster(kept, Code(kept.folder / "code"), functions, machine, clock)
    return _Machine(
        live=live,
        functions=functions,
        followers=followers,
        asynchronous=Asynchronous(functions, clock),
        api_gateway=ApiGateway(kept, live, https_fetch(arguments.ca, clock), clock),
        functions_plane=Lambda(roster, followers),
        rules=Rules(kept, followers, region, account),
    )


def _environment(control_port: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every function finds: this machine's way to AWS's services, and Lambda here."""
    ours = {name: value for name, value in environ.items() if name.startswith("AWS_")}
    return ours | {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{control_port}"}


@contextlib.asynccontextmanager
async def _controlled(machine: _Machine, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the control planes, and stop everything at the end."""
    planes = (machine.functions_plane, machine.rules, machine.api_gateway)
    invoke = InvokeApi(machine.functions, machine.asynchronous)
    server = InvokeServer(ControlApi(planes, invoke), listener)
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        yield
    finally:
        await machine.followers.stop()
        await machine.asynchronous.stop()
        server.should_exit = server.force_exit = True
        await serving
        await machine.live.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(machine.functions.stop(), FUNCTIONS_STOP_SECONDS)
