"""Two rotators that know nothing of each other, deployments in between, crashes and leaps of the clock (O14).

The world looks after every single change, and when all is quiet the keys are where they should be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from greenlet import greenlet
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.keys.document import Overtaken
from chalicelib.keys.key import KEPT_SECONDS, PUBLISHED_SECONDS, NoStandby
from chalicelib.keys.rotation import TooLate
from infra.signing_keys import ensure_keys
from tests.doubles.key_world import ALIAS, CHANGES, DAY, HOUR, READS, KeyWorld, KMSInvalidStateException

MOST_SECONDS_OF_A_CALL = 15
ROTATE_DAYS = 1


class Ended(Exception):
    """The process of an actor ended."""


class Actor:
    """Somebody at work, stopped before each of its calls until it is told to go on."""

    def __init__(self, world: KeyWorld, work: Callable[["Actor"], object]) -> None:
        self.world, self.work = world, work
        self.changing = False
        self.hub = greenlet.getcurrent()
        self.self: greenlet | None = None

    def __getattr__(self, name: str) -> Any:
        return self._stopped(getattr(self.world.kms, name), changing=name in CHANGES) if name in CHANGES + READS else (
            getattr(self.world.kms, name)
        )  # fmt: skip

    def read(self) -> Any:
        return self._stopped(self.world.document.read, changing=False)()

    def write(self, *arguments: Any) -> Any:
        return self._stopped(self.world.document.write, changing=True)(*arguments)

    def _stopped(self, real: Callable[..., Any], *, changing: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.changing = changing
            self.hub.switch()
            self.changing = False
            return real(*arguments, **named)

        return call

    def step(self) -> None:
        """Go on to the next call; start anew after the end."""
        if self.self is None or self.self.dead:
            self.self = greenlet(self._work)
        self.self.switch()

    def _work(self) -> None:
        try:
            self.work(self)
        except (Ended, NoStandby, Overtaken, TooLate, KMSInvalidStateException):
            return

    def crash(self) -> None:
        self.changing = False
        if self.self is not None and not self.self.dead:
            self.self.throw(Ended)


@dataclass(frozen=True)
class Scheduled:
    """The function."""

    def __call__(self, actor: Actor) -> object:
        rotation = actor.world.rotation(actor, ROTATE_DAYS)
        return type(rotation)(rotation.keyring, actor, rotation.clock, rotation.rotate_after_seconds).run()


@dataclass(frozen=True)
class Commanded:
    """Somebody with the command, or a deployment: it makes keys as well."""

    def __call__(self, actor: Actor) -> object:
        world = actor.world
        command = world.command(actor, ROTATE_DAYS)
        return type(command)(actor, command.resources, actor, world.clock, ROTATE_DAYS).go_on()


LEAPS = (60, HOUR, HOUR, KEPT_SECONDS - 1, KEPT_SECONDS, PUBLISHED_SECONDS - 1, PUBLISHED_SECONDS, DAY, DAY)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), second=st.sampled_from([Scheduled(), Commanded()]), guarded=st.booleans())
def test_o14_two_rotators_and_leaps_of_the_clock(seed: int, second: Callable[[Actor], object], guarded: bool) -> None:
    world = KeyWorld(guarded=guarded)
    ensure_keys(world.kms, ALIAS, "local")
    world.rotation().run()
    actors = (Actor(world, Scheduled()), Actor(world, second))
    chance = Random(seed)
    for _ in range(60):
        _lives(world, actors, chance)
    for actor in actors:
        actor.crash()
    assert len(world.signed_at) > 3, "keys have been replaced"
    _comes_to_rest(world)


def _lives(world: KeyWorld, actors: tuple[Actor, ...], chance: Random) -> None:
    """One begins, both go on in turns, and either may end at any call; then much time passes at once."""
    ahead = chance.choice(actors)
    for _ in range(chance.randrange(20)):
        ahead.step()
    for _ in range(chance.randrange(60)):
        actor = chance.choice(actors)
        for _ in range(chance.randint(1, 4)):
            actor.step()
        if chance.random() < 0.03:
            actor.crash()
        if chance.random() < 0.1:
            world.pass_seconds(chance.randint(1, MOST_SECONDS_OF_A_CALL))
    for actor in actors:
        while actor.changing:  # a call takes seconds, not hours; a process may sleep between two
            actor.step()
    world.pass_seconds(chance.choice(LEAPS))
    if chance.random() < 0.3:
        ensure_keys(world.kms, ALIAS, "local")


def _comes_to_rest(world: KeyWorld) -> None:
    """A deployment and hourly runs with nobody in the way."""
    ensure_keys(world.kms, ALIAS, "local")
    for _ in range(5):
        try:
            world.rotation(days=365).run()
        finally:
            world.pass_seconds(HOUR)
    named = set(world.kms.aliases.values())
    for key in world.kms.keys.values():  # what a deployment had made when it crashed
        key.state = key.state if key.id in named else "PendingDeletion"
    world.assert_at_rest(standby=True)
