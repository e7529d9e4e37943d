"""One run: a seed, some requests, and what was found. Nothing in it depends on anything but its seed.

1. the tenants open their accounts, in calm weather;
2. clients work, all at once, while calls fail, arrive late, and environments die;
3. all is calm again: every letter is sent until its answer is final, and what was on its way arrives;
4. statements, histories and events are read and compared with the commits;
5. the books are audited and verified, and every client's answers are compared with what is kept.
"""

import gc
import logging
import traceback
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, pairwise
from typing import Final
from unittest.mock import patch

from chalicelib.store.keys import client_key, commit_key, tenant_key
from chalicelib.verifier.verify import verify
from tests.doubles.audit import audit
from tests.doubles.platform import Client, Response
from tests.doubles.time_and_chance import HandClock
from tests.simulator.actor import Actor, Post
from tests.simulator.answer_rules import COMMITTED, AnswerRules
from tests.simulator.asker import Asker
from tests.simulator.book import Book
from tests.simulator.commit_rules import CommitRules
from tests.simulator.database import Applied
from tests.simulator.finding import Finding, check
from tests.simulator.fleet import Fleet
from tests.simulator.letter import Asked, Letter
from tests.simulator.operations import draw_shares
from tests.simulator.people import TENANTS, clients_of
from tests.simulator.process import FURTHEST_CLOCK_MS
from tests.simulator.projection_rules import ProjectionRules, check_statement
from tests.simulator.reader import Reader
from tests.simulator.streams import Streams
from tests.simulator.weather import CALM, draw_weather
from tests.simulator.world import World

OPERATIONS: Final = 500
"""Requests of one run: small enough to be read, large enough for objects to grow old."""

FUNDS_MINOR: Final = 400
PAST_THE_HORIZON_US: Final = 20_000_000
AUDITED_EVERY: Final = 200
SWEPT_EVERY_US: Final = 10_000_000
REVOKED_WITHIN_US: Final = 4_000_000
STEPS_PER_OPERATION: Final = 3_000
"""A run that takes more steps than this goes round in circles."""


@dataclass(slots=True)
class Outcome:
    """What a run came to; `finding` is empty where every rule held."""

    seed: int
    sends: int = 0
    commits: int = 0
    finding: str = ""
    digest: str = ""
    last: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    used: set[tuple[str, str]] = field(default_factory=set)


class Simulation:
    """A world, its clients and its rules."""

    def __init__(self, seed: int, operations: int, about: Collection[str] = ()) -> None:
        self.world = World(seed, self._applied)
        self.database = self.world.database
        self.commits = CommitRules(self.database.items.get)
        self.projections = ProjectionRules(self.database)
        self.answers = AnswerRules(self.database, self.commits, self.projections)
        self.fleet = Fleet(self.world, self.answers)
        self.streams = Streams(self.world, self.fleet)
        self.post = Post(self.world, self.fleet)
        events = self.projections.events_of
        self.readers = [Reader(self.world, self.post, clients_of(tenant)[0], events) for tenant in TENANTS]
        self.actors: list[Actor] = []
        self._shares = draw_shares(self.world.chance, about)
        self._operations = operations
        self._living = 0

    def run(self) -> None:
        """Raise a Finding, or whatever a program raises that goes wrong."""
        for stage in (self._arrange, self._read):
            self.world.scheduler.start(stage)
            self.world.scheduler.run()
        self._settled()

    # 1. The tenants open their accounts.

    def _arrange(self) -> None:
        books = {tenant: Book() for tenant in TENANTS}
        for tenant, other in pairwise([*TENANTS, TENANTS[0]]):
            self.database.seed(tenant_key(tenant), {})
            self.actors += [self._actor(client, books[tenant], books[other]) for client in clients_of(tenant)]
        for tenant in TENANTS:
            self._open_accounts(tenant, books[tenant])
        self.world.weather = draw_weather(self.world.chance)
        self.world.note(self.world.weather)
        self._living = len(self.actors)
        for actor in self.actors:
            self.world.scheduler.start(partial(self._live, actor))
        self.world.scheduler.start(self._sweep)
        for reader in self.readers:
            self.world.scheduler.start(partial(reader.live, self._goes_on))
        for tenant in TENANTS:
            self.world.scheduler.start(partial(self._revoke, clients_of(tenant)[2]))

    def _actor(self, client: Client, book: Book, other: Book) -> Actor:
        self.database.seed(client_key(client.client_id), {"status": "active", "tenant": client.tenant})
        asker = Asker(client, book, other, self.world.chance, self._shares, self.world.now_at)
        return Actor(self.world, self.post, asker, self._goes_on)

    def _open_accounts(self, tenant: str, book: Book) -> None:
        operator, alice, _, bob, _, shop = clients_of(tenant)
        keys = (f"arrange-{number}" for number in cycle(range(1_000)))

        def make(client: Client, path: str, **body: object) -> str:
            letter = self.post.write(client, Asked("POST", path, body), next(keys))
            letter.final = self.post.send(letter)
            check(letter.final and letter.final.status in {200, 201}, "the arrangement failed", letter.final)
            assert letter.final is not None
            book.learn(letter.final.json)
            return str(letter.final.json["id"])

        for currency in ("USD", "EUR"):
            external = make(operator, "/v1/accounts", kind="external", currency=currency)
            make(operator, "/v1/accounts", kind="platform", currency=currency)
            make(shop, "/v1/accounts", kind="merchant", currency=currency)
            for owner in (alice, bob):
                wallet = make(owner, "/v1/accounts", kind="wallet", currency=currency)
                if owner is alice:
                    make(alice, f"/v1/accounts/{wallet}/grant", principal="prn_agent")
                sides = {"source": external, "destination": wallet, "currency": currency}
                make(operator, "/v1/transfers", amount=FUNDS_MINOR, **sides)

    # 2. Clients work.

    def _goes_on(self) -> bool:
        return self.post.sends < self._operations

    def _live(self, actor: Actor) -> None:
        actor.live()
        self._living -= 1
        if not self._living:
            self.world.scheduler.start(self._settle)

    def _sweep(self) -> None:
        while self._living:
            self.world.scheduler.pause(self.world.chance.randrange(SWEPT_EVERY_US))
            self.fleet.sweep()

    def _revoke(self, client: Client) -> None:
        """Revoke a client at some time; in many runs all is over before."""
        self.world.scheduler.pause(self.world.chance.randrange(REVOKED_WITHIN_US))
        self.world.note(client.client_id, "is revoked")
        self.database.seed(client_key(client.client_id), {"status": "revoked", "tenant": client.tenant})
        self.answers.revoked_us[client.client_id] = self.world.now_us()

    def _applied(self, applied: Applied) -> None:
        too_many = self.world.scheduler.steps > STEPS_PER_OPERATION * (self._operations + 1_000)
        check(not too_many, "the run goes round in circles")
        commit = self.commits.judge(applied)
        self.streams.append(applied)
        if commit is None:
            return
        if applied.send is not None:
            self.answers.judge_decline(applied.send, commit.record)
        if len(self.commits.made) % AUDITED_EVERY == 0:
            audit(self.database.items)

    # 3. All is calm again.

    def _settle(self) -> None:
        self.world.weather = CALM
        self.world.note("calm")
        for letter in self.post.letters:
            if letter.final is None:
                self.actors[0].settle(letter)
        self.fleet.sweep()

    # 4. Every record has been brought: what is read is what the commits say.

    def _read(self) -> None:
        self.projections.judge()
        self.world.scheduler.pause(PAST_THE_HORIZON_US)
        for tenant, reader in zip(TENANTS, self.readers, strict=True):
            while reader.read_on():
                pass
            events = self.projections.events_of(tenant)
            check(reader.met == events, "whoever reads on was shown", reader.met, "of", events)
            for account, expected in self.projections.statements_of(tenant).items():
                check_statement(account, expected, reader.everything(f"/v1/accounts/{account}/entries"))

    # 5. What is left is true.

    def _settled(self) -> None:
        audit(self.database.items)
        clock = HandClock(self.world.now_at() + FURTHEST_CLOCK_MS)
        for tenant in TENANTS:
            report = verify(self.database, clock, tenant, lag_seconds=0)
            check(not report.breaks, "the verifier finds", report.breaks)
        for letter in self.post.letters:
            self._answered(letter)
        for place in self.commits.made:
            check(commit_key(*place) in self.database.items, "a commit is gone:", place)

    def _answered(self, letter: Letter) -> None:
        final = letter.final
        check(final is not None, "nothing failed any more, and still there is no answer to", letter.sends[-1])
        assert final is not None
        if letter.key is not None and final.status in COMMITTED:
            self.answers.check_stored(letter, final)


def simulate(seed: int, operations: int = OPERATIONS, about: Collection[str] = ()) -> Outcome:
    """Run one seed to its end, or to its first finding; `about` names the operations that it is mostly about."""
    with _own_garbage():
        return _simulate(Simulation(seed, operations, about), seed)


def _simulate(simulation: Simulation, seed: int) -> Outcome:
    outcome = Outcome(seed)
    with _watched_log() as logged:
        try:
            simulation.run()
            check(not logged, "logged as an error:", logged)
        except Exception as broken:  # noqa: BLE001 - whatever is raised is what was looked for
            outcome.finding = "\n".join([*logged, _told(broken)])
    outcome.sends = simulation.post.sends
    outcome.commits = len(simulation.commits.made)
    outcome.digest, outcome.last = simulation.world.trace.digest, simulation.world.trace.last
    outcome.troubles = simulation.world.troubles
    outcome.used = {(letter.asked.method, letter.asked.path) for letter in simulation.post.letters}
    answers = (send.answer for letter in simulation.post.letters for send in letter.sends)
    outcome.answers = Counter(_said(answer) for answer in answers if answer)
    return outcome


def _said(answer: Response) -> str:
    return f"{answer.status} {answer.json.get('code', '')}".strip()


def _told(broken: Exception) -> str:
    if isinstance(broken, Finding):
        return str(broken)
    return "".join(traceback.format_exception(broken))


@contextmanager
def _own_garbage() -> Iterator[None]:
    """Throw a run away with all its environments, each of which would freeze what it finds for good."""
    gc.disable()
    try:
        with patch.object(gc, "freeze", lambda: None):
            yield
    finally:
        gc.collect(0)  # all that was made since the collector was stopped, and nothing else
        gc.enable()


@contextmanager
def _watched_log() -> Iterator[list[str]]:
    """Collect what the platform logs as an error, and keep everything else from being written."""
    logged: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        cause = record.exc_info[1] if record.exc_info else None
        text = "".join(traceback.format_exception(cause)) if cause else ""
        logged.append(f"{record.getMessage()} {text}")
        return False

    logger = logging.getLogger("tollgate")
    disabled = logger.manager.disable
    logging.disable(logging.WARNING)
    logger.addFilter(keep)
    try:
        yield logged
    finally:
        logger.removeFilter(keep)
        logging.disable(disabled)
