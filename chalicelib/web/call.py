"""One call of an operation: who asks, for what, and the ledger it may change by one commit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import orjson

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance, new_id
from chalicelib.kernel.page import Page, Window
from chalicelib.kernel.problems import INVALID_CURSOR, NOT_FOUND, PRECONDITION_FAILED, Problem
from chalicelib.ledger.chart import has_floor
from chalicelib.ledger.entry import NOTHING, Entry, Leg
from chalicelib.ledger.movements import Place
from chalicelib.store import read, transact
from chalicelib.store.commit import Answer, Commit, Effect, Event
from chalicelib.store.facts import AccountFacts, Beliefs
from chalicelib.store.keys import StateKind, balance_key, client_commit_key, commit_key
from chalicelib.store.patience import Patience
from chalicelib.store.port import Dynamo, Item
from chalicelib.store.posting import Side, authorised, examine, posting
from chalicelib.web.caller import Caller
from chalicelib.web.metrics import Metrics
from chalicelib.web.paging import window
from chalicelib.web.problem_json import CONTENT_TYPE as PROBLEM_TYPE
from chalicelib.web.problem_json import document
from chalicelib.web.request import Request

JSON_TYPE = "application/json"

LARGEST_PAGE_BYTES = 2_000_000
"""A function's answer may have 6 MB as JSON text within JSON, where each of our bytes can take up to two."""

IsId = Callable[[str], bool]
"""Tells whether a text has the form of the ids of one kind."""


def missing(kind: StateKind, identifier: str) -> Problem:
    """Return the 404 for an object that is not there, or not there for this caller."""
    return Problem(NOT_FOUND, f"There is no {kind} {identifier[:64]}.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the gateway."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """The concrete things an operation works with, chosen once in wiring."""

    dynamo: Dynamo
    clock: Clock
    chance: Chance
    metrics: Metrics
    beliefs: Beliefs = field(default_factory=Beliefs, kw_only=True)


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision wants: the answer, the entry, the events and the writes besides the postings.

    `sides` names, for each account of the entry, the field that brought it in and whose authority it needs.
    `on_decline` turns a decline into the change that remembers it. `events` happened to the resource, `more_events`
    to other objects that the same commit makes or moves on. `posted_by_effects` says that the effects move the balances
    of the entry themselves, each in the one write that its item may have.
    """

    operation: str
    status: int
    resource: Mapping[str, Any]
    events: tuple[str, ...]
    effects: tuple[Effect, ...]
    entry: Entry = NOTHING
    sides: Mapping[str, Side] | None = None
    on_decline: "Callable[[Problem], Change] | None" = None
    more_events: tuple[Event, ...] = ()
    posted_by_effects: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through an operation."""

    request: Request
    caller: Caller
    body: Any
    bench: Bench
    patience: Patience
    now_at: int
    key: str = ""
    fingerprint: bytes = b""
    expected_version: int | None = None
    system_key: str = ""

    @property
    def tenant(self) -> str:
        """The ledger this call works on: from the verified token, never from the request."""
        return self.caller.tenant

    @property
    def commit_key(self) -> str:
        """The commit's key: a principal's own, or internal work's."""
        return self.system_key or client_commit_key(self.caller.principal, self.key)

    def new_id(self, prefix: str, tag: str = "") -> str:
        """Return a fresh id."""
        return new_id(prefix, self.now_at, self.bench.chance, tag=tag)

    def place(self, account: str) -> Place:
        """Choose the slice of an account to post to, at random, so that no slice runs hot."""
        slices = 1 if has_floor(account) else self.facts(account).slices
        return Place(account, self.bench.chance.below(slices) if slices > 1 else 0)

    def facts(self, account: str) -> AccountFacts:
        """Return what is believed of an account without a floor; the posting is conditional on it."""
        return self.bench.beliefs.of(self.bench.dynamo, self.tenant, account)

    def find(self, kind: StateKind, identifier: str, is_id: IsId) -> Item:
        """Return an object of the tenant, whoever owns it, or raise 404; what cannot be an id is not asked for."""
        item = read.load(self.bench.dynamo, self.tenant, kind, identifier) if is_id(identifier) else None
        if item is None:
            raise missing(kind, identifier)
        return item

    def load(self, kind: StateKind, identifier: str, is_id: IsId) -> Item:
        """Return an object that exists for this caller, or raise 404: the same for missing and foreign."""
        item = self.find(kind, identifier, is_id)
        if not self.caller.may_see(item["o"]):
            raise missing(kind, identifier)
        return item

    def controls(self, account: str) -> bool:
        """Tell whether the caller owns the account or holds its mandate (one read)."""
        item = self.bench.dynamo.get(balance_key(self.tenant, account, 0))
        return item is not None and authorised(item, self.caller.principal)

    def require_creditable(self, account: str, currency: str, *, param: str, authority: str | None = None) -> None:
        """Refuse an account that could not be credited now, or that `authority` may not debit, if it is given.

        One read; whoever posts to the account decides again.
        """
        leg = Leg(account, 0, currency, posted_minor=1)
        key = balance_key(self.tenant, account, 0)
        refusal = examine(leg, Side(param, authority), self.bench.dynamo.get(key))
        if refusal is not None:
            raise refusal

    def expect(self, version: int | None) -> None:
        """Raise 412 when the caller insists on another version than this one (None: it has none yet)."""
        if self.expected_version not in {None, version}:
            found = "What is to be made has no version yet." if version is None else f"The version is {version}."
            raise Problem(PRECONDITION_FAILED, found, param="If-Match")

    def page(self, kind: StateKind, is_cursor: IsId, show: Callable[[Item], Mapping[str, Any]]) -> Reply:
        """Answer a page of all the tenant's objects of a kind: the operator's view."""
        self.caller.require_operator()
        asked = self.window(kind, is_cursor)
        found = read.page(self.bench.dynamo, self.tenant, kind, asked)
        rows = tuple(show(item) for item in found.rows)
        return self.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)

    def window(self, kind: StateKind, is_cursor: IsId) -> Window:
        """Return the part of the list asked for; a cursor must be an object this caller may see."""
        asked = window(self.request, is_cursor)
        for cursor in (asked.starting_after, asked.ending_before):
            item = cursor and read.load(self.bench.dynamo, self.tenant, kind, cursor)
            if cursor and not (item and self.caller.may_see(item["o"])):
                raise Problem(INVALID_CURSOR, f"There is no {kind} {cursor}.")
        return asked

    def show_page(self, page: Page[Mapping[str, Any]], *, backwards: bool = False) -> Reply:
        """Render a page of resources; one that would be too large for an answer ends earlier.

        `backwards` says that the page was asked for with ending_before: then its last rows are the nearest.
        """
        rows = [orjson.dumps(row) for row in (reversed(page.rows) if backwards else page.rows)]
        sizes = accumulate(len(row) for row in rows)
        kept = [orjson.Fragment(row) for row, size in zip(rows, sizes, strict=True) if size <= LARGEST_PAGE_BYTES]
        data = kept[::-1] if backwards else kept
        more = page.has_more or len(kept) < len(rows)
        return Reply(200, orjson.dumps({"object": "list", "data": data, "has_more": more, "url": self.request.path}))

    def show(self, resource: Mapping[str, Any]) -> Reply:
        """Render one resource with its ETag."""
        return _reply(Answer(200, orjson.dumps(resource), resource["version"]), replayed=False)

    def commit(self, change: Change) -> Reply:
        """Make the change take effect once, and answer what it (or its first run) answered.

        Raises Stale when what was read has moved on, and Problem for refusals.
        """
        done = transact.commit(self.bench.dynamo, self._commit(change), self.patience)
        return _reply(done.answer, replayed=done.replayed)

    def replay(self) -> Reply | None:
        """Return the answer of this key's commit if there is one: to be asked before any refusal."""
        key = commit_key(self.tenant, self.commit_key)
        done = transact.find(self.bench.dynamo, key, self.fingerprint)
        return None if done is None else _reply(done.answer, replayed=done.replayed)

    def _commit(self, change: Change, declined: Problem | None = None) -> Commit:
        version = change.resource.get("version", 1)
        on_decline = change.on_decline
        legs = () if change.posted_by_effects else change.entry.legs
        postings = tuple(self._posting(leg, change.sides or {}) for leg in legs)
        return Commit(
            author=self.caller.author,
            key=self.commit_key,
            fingerprint=self.fingerprint,
            operation=change.operation,
            at=self.now_at,
            answer=Answer(change.status, self._answer_body(change, declined), version),
            events=(*(Event(name, change.resource["id"], version) for name in change.events), *change.more_events),
            effects=(*change.effects, *postings),
            entry=change.entry,
            snapshot=orjson.dumps(change.resource) if declined else b"",
            declined=on_decline and (lambda problem: self._commit(on_decline(problem), problem)),
        )

    def _posting(self, leg: Leg, sides: Mapping[str, Side]) -> Effect:
        return posting(self.tenant, leg, sides[leg.account], self.commit_key, self.bench.beliefs)

    def _answer_body(self, change: Change, declined: Problem | None) -> bytes:
        if declined is None:
            return orjson.dumps(change.resource)
        resource = {change.resource["object"]: change.resource["id"]}
        return document(declined, self.request.request_id, **resource)


def _reply(answer: Answer, *, replayed: bool) -> Reply:
    headers = {"ETag": f'"{answer.version}"'}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    content_type = JSON_TYPE if answer.status < 400 else PROBLEM_TYPE
    return Reply(answer.status, answer.body, content_type, headers)
