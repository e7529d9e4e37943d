"""Functions that are deployed to this machine: Lambda's plane, schedules, and everything that runs them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.control.functions.code import Code
from emulator.control.functions.plane import Lambda
from emulator.control.functions.roster import Machine, Roster
from emulator.control.functions.rules import Rules
from emulator.control.kept import Kept
from emulator.control.operation import Plane
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.followers import Followers
from emulator.lambdas.functions import DeployedFunctions
from emulator.lambdas.invoke_api import InvokeApi

FUNCTIONS_STOP_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Here:
    """Who runs functions here; `place` is the Region and the account that ARNs name."""

    functions: DeployedFunctions
    followers: Followers
    asynchronous: Asynchronous
    plane: Lambda
    rules: Rules

    @classmethod
    def of(cls, arguments: argparse.Namespace, place: tuple[str, str], kept: Kept, control_port: int) -> Here:
        """Make it from the command line; nothing runs yet."""
        clock, functions = Clock(), DeployedFunctions(Clock())
        followers = Followers([], functions, arguments.state_dir, clock, *place)
        machine = Machine(*place, _environment(control_port), arguments.worker)
        roster = Roster(kept, Code(kept.folder / "code"), functions, machine, clock)
        rules = Rules(kept, followers, *place)
        return cls(functions, followers, Asynchronous(functions, clock), Lambda(roster, followers), rules)

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The control planes beside API Gateway's."""
        return (self.plane, self.rules)

    @property
    def invoke(self) -> InvokeApi:
        """Lambda's Invoke."""
        return InvokeApi(self.functions, self.asynchronous)

    async def start(self) -> None:
        """Run and follow again what was deployed before."""
        await self.functions.start()
        await self.plane.restore()
        await self.rules.restore()

    async def stop(self) -> None:
        """Stop what starts functions, then the functions."""
        await self.followers.stop()
        await self.asynchronous.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.functions.stop(), FUNCTIONS_STOP_SECONDS)


def _environment(control_port: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every function finds: this machine's way to AWS's services, and Lambda here."""
    ours = {name: value for name, value in environ.items() if name.startswith("AWS_")}
    return ours | {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{control_port}"}
