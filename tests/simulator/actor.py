"""A client at work: it asks, repeats what is unknown under its key until it knows, and now and then asks again."""

from collections.abc import Callable
from itertools import count
from typing import Final

from tests.doubles.platform import Client, Response
from tests.simulator.asker import Asker
from tests.simulator.fleet import Fleet
from tests.simulator.letter import Asked, Letter, Send
from tests.simulator.operations import draw
from tests.simulator.world import World

PATIENCE_US: Final = 29_000_000
"""As long as the gateway waits for a function."""

MOST_SENDS: Final = 12
"""Then it puts the letter off until the troubles are over."""

LOST_IN_THOUGHT: Final = 0.03
LONGEST_THOUGHT_US: Final = 5_000_000
"""Mostly clients are in a hurry, and meet; now and then one lets time pass, and clocks and reminders matter."""

AGAIN: Final = 0.1
OTHERWISE: Final = 0.04

GIVES_UP_REVOKED: Final = 0.1
"""Mostly it tries again: another environment may not have heard of it."""

UNKNOWN: Final = frozenset({502, 503})
"""The answers that leave a client in doubt, or ask it to come back."""


class Post:
    """Every letter of a run, and every time one was sent."""

    def __init__(self, world: World, fleet: Fleet) -> None:
        self.letters: list[Letter] = []
        self.sends = 0
        self._world = world
        self._fleet = fleet

    def write(self, client: Client, asked: Asked, key: str | None) -> Letter:
        letter = Letter(client, asked, key)
        self.letters.append(letter)
        return letter

    def send(self, letter: Letter, patience_us: int = PATIENCE_US) -> Response | None:
        """Send a letter once; None if its client left before there was an answer."""
        self.sends += 1
        send = Send(letter, self.sends, self._world.now_us())
        letter.sends.append(send)
        return self._world.scheduler.wait(self._fleet.serve(send), patience_us)


class Actor:
    """One client; its keys are those of everybody else, too: 1, 2, 3."""

    def __init__(self, world: World, post: Post, who: Asker, goes_on: Callable[[], bool]) -> None:
        self._world = world
        self._post = post
        self._who = who
        self._goes_on = goes_on
        prefix = "too-" if "_too" in who.client.client_id else ""  # the only two clients of one principal
        self._keys = (f"{prefix}{number}" for number in count(1))
        self._done: list[Letter] = []
        self._revoked = False

    def live(self) -> None:
        while self._goes_on() and not self._revoked:
            thinks_us = LONGEST_THOUGHT_US if self._who.perhaps(LOST_IN_THOUGHT) else 6_000
            self._world.scheduler.pause(self._who.chance.randrange(1, thinks_us))
            asked = draw(self._who)
            if asked is not None:
                key = next(self._keys) if asked.method != "GET" else None
                self._carry(self._post.write(self._who.client, asked, key))
            if self._done and self._who.perhaps(AGAIN):
                self._carry_again(self._who.chance.choice(self._done[-20:]))

    def settle(self, letter: Letter) -> None:
        """Send a letter until its answer is final."""
        for _ in range(MOST_SENDS):
            if letter.final is not None:
                return
            self._send(letter)
            self._world.scheduler.pause(self._who.chance.randrange(1, 100_000))

    def _carry(self, letter: Letter) -> None:
        if self._world.meets("sent_twice"):
            self._world.scheduler.start(lambda: self._send(letter), self._who.chance.randrange(5_000))
        if self._world.meets("put_off"):
            self._send(letter)  # and come back to it when all is calm
        else:
            self.settle(letter)
        if letter.final is not None and letter.key is not None:
            self._done.append(letter)

    def _carry_again(self, letter: Letter) -> None:
        """Repeat what is long done, or use its key for something else."""
        if self._who.perhaps(OTHERWISE / AGAIN):
            asked = draw(self._who)
            if asked is not None and asked.method != "GET":
                self.settle(self._post.write(self._who.client, asked, letter.key))
        else:
            self.settle(self._post.write(letter.client, letter.asked, letter.key))

    def _send(self, letter: Letter) -> None:
        leaves = self._world.meets("client_leaves")
        answer = self._post.send(letter, self._who.chance.randrange(200_000) if leaves else PATIENCE_US)
        if answer is None or answer.status in UNKNOWN:
            return
        letter.final = letter.final or answer
        self._revoked = answer.status == 401 and self._who.perhaps(GIVES_UP_REVOKED)
        if answer.status < 300:
            self._who.book.learn(answer.json)
