"""What must hold of every commit: its books follow from its record, and its record from the request that sent it.

No model predicts the outcome; each transaction is judged when it takes effect, from its items before and after.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import orjson

from chalicelib.ledger.chart import has_floor
from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import is_whole, picture, read_events, read_snapshot
from chalicelib.store.port import Item, Key
from tests.simulator.commit import Commit, Pair, number, read_commit
from tests.simulator.database import Applied
from tests.simulator.finding import check
from tests.simulator.letter import Send
from tests.simulator.object_rules import ObjectRules

SYSTEM: Final = "prn_system"


class CommitRules:
    """Judges every transaction; `made` remembers which request made which commit (None: internal work)."""

    def __init__(self, find: Callable[[Key], Item | None]) -> None:
        self.made: dict[tuple[str, str], Send | None] = {}
        self._objects = ObjectRules(find)

    def judge(self, applied: Applied) -> Commit | None:
        """Return the commit, None if it is none; raise a Finding if it breaks a promise."""
        commit = read_commit(applied)
        if commit is None:
            return None
        _record(commit)
        _sender(commit)
        self.made[commit.tenant, commit.key.sk] = applied.send
        for place, pair in commit.balances.items():
            _balance(commit, place, pair)
        check(not commit.legs.keys() - commit.balances.keys(), "legs without a balance:", commit.legs)
        for (kind, identifier), pair in commit.states.items():
            _state(commit, kind, identifier, pair)
        self._objects.judge(commit)
        return commit


def _record(commit: Commit) -> None:
    """The record balances, is whole, and tells of each object how the commit left it."""
    record = commit.record
    totals: Counter[str] = Counter()
    for leg in commit.legs.values():
        totals[leg.currency] += leg.posted_minor
    check(not any(totals.values()), "the legs create or destroy money:", record["l"])
    check(record["st"] != 402 or not commit.legs, "a decline moves money:", record["l"])
    check(is_whole(record), "a damaged record:", record)
    events = read_events(record)
    check(events, "a commit in which nothing happened:", commit.key.sk)
    shown = {identifier: pair[1] for (_, identifier), pair in commit.states.items()}
    for event in events:
        item = shown.get(event.object_id)
        check(item is None or item["v"] == event.version, "an event of another version:", event, item)
    told = orjson.loads(read_snapshot(record))
    for identifier, item in shown.items():
        seen = picture(told, identifier)
        same = item and seen and (seen["version"], seen["status"]) == (item["v"], item["s"])
        # A refund's payment is told by its event alone.
        needed = seen or identifier == events[0].object_id
        check(same or not needed, "the record does not tell what became of", identifier, "but:", told)


def _sender(commit: Commit) -> None:
    """Internal work is nobody's request; a client's commit is one request's, under its key, once."""
    send = commit.applied.send
    if commit.key.sk.startswith("s/"):
        check(send is None and commit.principal == SYSTEM, "internal work done by a request:", commit.key.sk, send)
        return
    assert send is not None, f"a client's commit that nobody sent: {commit.key}"
    check(send.letter.place == (commit.tenant, commit.key.sk), send, "was done under another key:", commit.key)
    check(commit.principal == send.letter.client.principal, send, "was done in the name of", commit.principal)
    send.commits += 1
    check(send.commits == 1, send, "took effect twice")
    told = send.answer
    if told is not None:
        in_doubt = told.status == 503 and told.json["code"] == "outcome_unknown"
        check(in_doubt, send, "was told", told.status, told.text, "and took effect afterwards")


def _balance(commit: Commit, place: tuple[str, int], pair: Pair) -> None:
    """A balance moves by its leg, one sequence at a time, and never without one."""
    before, after = pair
    assert after is not None, f"a balance is gone: {place}"
    leg = commit.legs.get(place)
    posted, held, sequence = (number(after, name) - number(before, name) for name in "phq")
    if leg is None:
        check((posted, held, sequence) == (0, 0, 0), "a balance moved without a leg:", before, after)
        return
    assert before is not None, f"a leg on a new balance: {place}"
    check((posted, held) == (leg.posted_minor, leg.held_minor), "a balance moved otherwise than its leg:", leg, pair)
    check(sequence == 1 and after["lc"] == commit.key.sk, "a balance does not name its commit:", after)
    check(leg.currency == before["c"], "a leg in another currency:", leg, before)
    check(number(after, "h") >= 0, "a balance holds less than nothing:", after)
    _floor(leg, before, after)
    allowed = {"open"} if leg.spendable_minor < 0 else {"open", "frozen"}
    release = not leg.posted_minor and leg.held_minor < 0
    gathers = commit.operation in {"accounts.close", "accounts.update"}  # from one of its slices to another
    check(gathers or release or before["s"] in allowed, "a leg on an account that is", before["s"], leg)


def _floor(leg: Leg, before: Item, after: Item) -> None:
    if not has_floor(leg.account):
        check("f" not in after, "a floor where there is none:", leg.account)
        limited = leg.spendable_minor < 0 and "nl" in before
        check(not limited or number(after, "p") >= -number(before, "nl"), "beyond its negative limit:", after)
        return
    spendable = number(after, "f") - number(before, "f")
    check(spendable == leg.spendable_minor, "spendable did not move with posted and held:", leg, before, after)
    check(leg.spendable_minor >= 0 or number(after, "f") >= 0, "overdrawn:", after)


def _state(commit: Commit, kind: str, identifier: str, pair: Pair) -> None:
    """Each commit moves an object on by one version and names itself in it; some things never change."""
    before, after = pair
    assert after is not None, f"a {kind} is gone: {identifier}"
    version = number(before, "v") + 1
    check(after["v"] == version, identifier, "has version", after["v"], "after", version, "commits")
    check(after["lc"] == commit.key.sk, identifier, "does not name its commit")
    same = before is None or all(before[name] == after[name] for name in ("o", "t", "c", "a") if name in before)
    check(same, "what never changes has changed:", before, after)
