"""Functions that are deployed to this machine: Lambda's plane, schedules, and everything that runs them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
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
from emulator.lambdas.event_sources import ScheduleSource
from emulator.lambdas.followers import Followers
from emulator.lambdas.functions import DeployedFunctions
from emulator.lambdas.invoke_api import InvokeApi
from emulator.lambdas.streams import request_id

FUNCTIONS_STOP_SECONDS = 1.5
_EVENTS = "events.amazonaws.com"


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
        here = cls(functions, followers, Asynchronous(functions, clock), Lambda(roster, followers), rules)
        followers.scheduled = here.scheduled
        return here

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The control planes beside API Gateway's."""
        return (self.plane, self.rules)

    @property
    def invoke(self) -> InvokeApi:
        """Lambda's Invoke."""
        return InvokeApi(self.functions, self.asynchronous)

    def permits(self, function: str, source_arn: str) -> bool:
        """Tell whether API Gateway may invoke a function for one of its methods or authorizers."""
        return self.plane.permissions.may_invoke(function, "apigateway.amazonaws.com", source_arn)

    def scheduled(self, source: ScheduleSource, payload: bytes) -> None:
        """Start a function by a rule as EventBridge does: asynchronously, and if the function's policy allows it."""
        config = self.functions.config(source.function)
        if config is None or not self.plane.permissions.may_invoke(source.function, _EVENTS, source.rule):
            why = "there is none" if config is None else "its policy does not allow it"
            sys.stderr.write(f"{source.rule}: {source.function} is not started: {why}\n")
            return
        self.asynchronous.accept(config, payload, request_id())

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
