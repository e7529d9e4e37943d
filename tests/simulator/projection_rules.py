"""What must hold of statements, histories and events once every record has been brought: they are the commits', no more.

The lines are judged by how each balance stood at each sequence, the steps and events by the commit records.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, cast

from chalicelib.kernel.ids import earliest_id
from chalicelib.projections.records import EVENT_PREFIX
from chalicelib.store.keys import balance_key, commit_key, history_key, line_key, state_key
from chalicelib.store.port import Item, Key
from tests.doubles.time_and_chance import START_AT
from tests.simulator.commit import number, tenant_of, text
from tests.simulator.database import Database
from tests.simulator.finding import check
from tests.simulator.letter import Send
from tests.simulator.process import FURTHEST_CLOCK_MS

Row = dict[str, Any]
Told = tuple[int, ...]

SHARED: Final = ("lc", "t", "pn")
HORIZON_MS: Final = 10_000
"""What is younger is no event yet, so that nobody reads past what is still on its way (SEMANTICS.md, "Lists")."""


class ProjectionRules:
    """Reads the database as it has become; what was there at each instant says what had to come of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def judge(self) -> None:
        """Raise a Finding if a line, a step or an event is missing, wrong, or too much."""
        items = self._database.items
        expected = {key for balance in self._of("balance") for key in self._lines(balance)}
        check(expected == set(self._of("line")), "lines and entries differ:", expected ^ set(self._of("line")))
        steps = [key for record in list(items) if record.table == "commits" for key in self._steps(record)]
        found = Counter(self._of("history"))
        check(
            Counter(steps) == found, "a history is not its commits:", Counter(steps) - found or found - Counter(steps)
        )
        events = {self._event(key) for key in steps}
        check(events == set(self._of("event")), "events and steps differ:", events ^ set(self._of("event")))

    def judge_shown(self, send: Send, row: Row) -> None:
        """Raise a Finding if an entry or an event that somebody was shown never was, or not yet."""
        tenant = send.letter.client.tenant
        if row["object"] == "entry":
            balance = balance_key(tenant, str(send.letter.asked.identifier), row["slice"])
            meant = [_moved(old, new) for old, new in self.entries(balance) if number(new, "q") == row["sequence"]]
            check([_told(row)] == meant, send, "was shown the entry", row, "instead of", meant)
            return
        key = state_key(tenant, "event", row["id"])
        event = self._there(key)
        told = (event["k"], event["v"]) == (row["type"], row["object_version"])
        check(told, send, "was shown", row, "instead of", event)
        latest_at = START_AT + self._database.now_us() // 1_000 + FURTHEST_CLOCK_MS
        hidden = row["object"] == "event" and row["id"] >= earliest_id(EVENT_PREFIX, latest_at - HORIZON_MS)
        check(not hidden, send, "was shown what is too young:", row)

    def events_of(self, tenant: str) -> list[str]:
        """Return the ids of all events of a tenant, in their order."""
        return sorted(key.sk for key in self._of("event") if tenant_of(key) == tenant)

    def statements_of(self, tenant: str) -> dict[str, dict[str, Told]]:
        """Return by account what its statement has to tell: by entry what was posted, held, and stood afterwards."""
        told: dict[str, dict[str, Told]] = {}
        for key in self._of("balance"):
            if tenant_of(key) == tenant:
                account, _, place = key.sk.partition("/")
                entries = told.setdefault(account, {})
                entries |= {f"{place}.{number(new, 'q')}": _moved(old, new) for old, new in self.entries(key)}
        return told

    def entries(self, balance: Key) -> Iterator[tuple[Item, Item]]:
        """Give a balance before and after each of its entries."""
        states = [item for _, item in self._database.past[balance] if item]
        for old, new in pairwise(states):
            if old["q"] != new["q"]:
                yield old, new

    def _of(self, kind: str) -> list[Key]:
        return [key for key in self._database.items if f"#{kind}#" in key.pk]

    def _lines(self, balance: Key) -> Iterator[Key]:
        """Give where the lines of a balance are, once each of them is seen to be right."""
        account, _, place = balance.sk.partition("/")
        at = 0
        for old, new in self.entries(balance):
            key = line_key(tenant_of(balance), account, int(place), number(new, "q"))
            line = self._there(key)
            record = self._there(commit_key(tenant_of(balance), text(new, "lc")))
            at = max(at, number(record, "t"))
            first = cast("list[Row]", record["ev"])[0]
            told = (*(number(line, name) for name in ("p", "h", "bp", "bh")), line["lc"], line["op"], line["ob"])
            meant = (*_moved(old, new), new["lc"], record["op"], first["o"])
            check(told == meant, "a line tells", told, "and the entry is", meant, key)
            check(line["t"] == at, "a line is dated", line["t"], "and not", at, key)
            yield key

    def _steps(self, place: Key) -> Iterator[Key]:
        record = self._database.items[place]
        for row in cast("list[Row]", record["ev"]):
            key = history_key(tenant_of(place), str(row["o"]), int(row["v"]), str(row["k"]))
            step = self._there(key)
            told = (step["lc"], step["t"], step["pn"], step["b"], step["k"], step["v"])
            left = record.get("r") or record["b"]
            meant = (place.sk, record["t"], record["pn"], left, row["k"], row["v"])
            check(told == meant, "a step tells", told, "and the commit", meant)
            yield key

    def _event(self, place: Key) -> Key:
        """Return where the event of a step is, once it is seen to say the same."""
        step = self._database.items[place]
        key = state_key(tenant_of(place), "event", text(step, "e"))
        event = self._there(key)
        same = all(event[name] == step[name] for name in (*SHARED, "b", "k", "v"))
        check(same and place.pk.endswith("#" + text(event, "o")), "an event differs from its step:", event, step)
        return key

    def _there(self, key: Key) -> Item:
        item = self._database.items.get(key)
        check(item is not None, "never projected:", key)
        return cast("Item", item)


def check_statement(account: str, expected: dict[str, Told], rows: Iterable[Row]) -> None:
    """Compare a statement as it was read, newest first, with the entries that it has to tell."""
    shown = list(rows)
    told = {row["id"]: _told(row) for row in shown}
    check(len(told) == len(shown), "an entry is shown twice:", account, [row["id"] for row in shown])
    check(told == expected, account, "shows", told, "instead of", expected)
    dates = [row["created_at"] for row in shown]
    check(dates == sorted(dates, reverse=True), account, "is not in the order of time:", dates)


def _told(row: Row) -> Told:
    return (row["amount"], row["held"], row["balance"]["posted"], row["balance"]["held"])


def _moved(old: Item, new: Item) -> Told:
    return (*(number(new, name) - number(old, name) for name in "ph"), number(new, "p"), number(new, "h"))
