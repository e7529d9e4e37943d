"""The environments that serve requests: each with its own services, clock and memory, all on one database."""

from importlib import import_module
from types import ModuleType
from typing import Any

from chalicelib.projections.entrypoint import project_batch
from chalicelib.store.port import OutcomeUnknown, Throttled, Unreachable
from chalicelib.web.internal import Sweeper
from tests.doubles.platform import ROOMS, Context, Platform, Response
from tests.doubles.streamed_dynamo import Record
from tests.doubles.time_and_chance import SeededChance
from tests.simulator.answer_rules import AnswerRules
from tests.simulator.letter import Send
from tests.simulator.process import DriftingClock, Process, ProcessDied
from tests.simulator.scheduler import Promise
from tests.simulator.simulated_dynamo import SimulatedDynamo
from tests.simulator.world import World

BAD_GATEWAY = Response(502, {}, "")
"""What the gateway says of an environment that died: nothing about the outcome."""

TROUBLE = (Throttled, Unreachable, OutcomeUnknown)


class Environment:
    """One environment, from its cold start to its death."""

    def __init__(self, world: World, number: int, *, projects: bool = False) -> None:
        self.process = Process(world, number, is_prompt=projects)
        self.platform = Platform(
            SimulatedDynamo(self.process), DriftingClock(self.process), SeededChance(world.chance.getrandbits(64))
        )
        self.platform.requests = number * 1_000_000  # so that no two answers are told by one request id

    def answer(self, send: Send) -> Response:
        """Serve one request with the rooms' own code; raise ProcessDied where the environment dies of it."""
        self.process.serve(send)
        letter, asked = send.letter, send.letter.asked
        headers = {} if asked.if_match is None else {"If-Match": f'"{asked.if_match}"'}
        return self.platform.request(
            letter.client, asked.method, asked.path, asked.body, key=letter.key, headers=headers, query=asked.query
        )

    def project(self, records: list[Record]) -> dict[str, Any]:
        """Take a batch of stream records."""
        self.process.serve(None)
        return project_batch(self.platform.bench, {"Records": records})

    def sweep(self) -> None:
        """Do what is due, as the schedules start it."""
        self.process.serve(None)
        for room in ROOMS:
            for sweeper in _sweepers(import_module(f"chalicelib.{room}.entrypoint")):
                Sweeper(sweeper.kind, sweeper.happens, lambda: self.platform.bench)({}, Context())


def _sweepers(module: ModuleType) -> list[Sweeper]:
    return [value for value in vars(module).values() if isinstance(value, Sweeper)]


class Fleet:
    """Environments that are idle are used again, as Lambda does; the dead are replaced by cold ones."""

    def __init__(self, world: World, rules: AnswerRules) -> None:
        self._world = world
        self._rules = rules
        self._idle: list[Environment] = []
        self._idle_projecting: list[Environment] = []
        self._started = 0

    def serve(self, send: Send) -> "Promise[Response]":
        """Start serving a request; the promise is kept when its environment answers or dies."""
        promise: Promise[Response] = Promise()
        scheduler, chance = self._world.scheduler, self._world.chance

        def serve() -> None:
            answer = self._answer(send)
            scheduler.after(chance.randrange(500), lambda: promise.keep(answer))

        scheduler.start(serve, chance.randrange(500))
        return promise

    def project(self, records: list[Record]) -> dict[str, Any] | None:
        """Have a batch projected; None if the environment died of it."""
        environment = self._take(self._idle_projecting, projects=True)
        try:
            answer = environment.project(records)
        except ProcessDied:
            return None
        self._idle_projecting.append(environment)
        return answer

    def sweep(self) -> None:
        environment = self._take(self._idle)
        try:
            environment.sweep()
        except ProcessDied:
            return
        except TROUBLE:  # the run failed, as Lambda would see it; the next one goes on
            self._world.note("e", environment.process.number, "gave up sweeping")
        self._idle.append(environment)

    def _answer(self, send: Send) -> Response:
        environment = self._take(self._idle)
        self._world.note("e", environment.process.number, "serves", send)
        self._rules.begin(send)
        try:
            answer = environment.answer(send)
        except ProcessDied:
            return BAD_GATEWAY
        self._idle.append(environment)
        self._world.note(send, "is answered", answer.status, answer.text)
        self._rules.judge(send, answer)
        send.answer = answer
        return answer

    def _take(self, idle: list[Environment], *, projects: bool = False) -> Environment:
        if idle:
            return idle.pop(self._world.chance.randrange(len(idle)))
        self._started += 1
        return Environment(self._world, self._started, projects=projects)
