"""MemoryDynamo that knows the ledger's rules, and holds every single transaction to them as it is done.

| rule | where |
|---|---|
| 1 legs sum to zero per currency | `_check_record` |
| 2 entries are immutable | `_check_record` |
| 3 available = posted - held, 4 none below zero unless policy allows | `_check_funds` |
| 5 a hold resolves once, 9 each state of a payment or transfer has its exact postings | `_check_postings` |
| 6 one key, one request | asked over HTTP in tests/property, not seen from here |
| 7 balance = sum of entries at every sequence, one entry each | `_check_entry` |
| 8 all balances sum to zero per currency | `_check_totals` |
| 10 an entry is in one settlement batch at most | there is no settlement yet |
| 11 closed accounts accept releases only | `_check_closed` |
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.ledger.chart import AccountKind, has_floor, kind_of
from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import read_events, read_legs
from chalicelib.store.keys import balance_key, state_key
from chalicelib.store.port import Item, Key, Write
from tests.doubles.memory_dynamo import MemoryDynamo

Images = Mapping[Key, tuple[Item | None, Item | None]]
HOLDING = frozenset({"authorized", "partially_captured", "held"})


@dataclass
class RuledDynamo(MemoryDynamo):
    """`postings` are the legs of all commits that speak of an object, by tenant and object.

    `posted` and `held` are those of each account, all of its slices together.
    """

    postings: dict[tuple[str, str], list[Leg]] = field(default_factory=lambda: defaultdict(list))
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    posted: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        with self._lock:
            before = {write.key: self.items.get(write.key) for write in writes}
            super().transact(writes, token=token, timeout_seconds=timeout_seconds)
            self._judge({key: (old, self.items.get(key)) for key, old in before.items()})

    def _judge(self, images: Images) -> None:
        records = [key for key in images if key.table == "commits"]
        balances = [key for key in images if "#balance#" in key.pk]
        assert len(records) == 1 or not balances, "money moves, and accounts change, by one commit"
        for key in records:
            self._check_commit(key, images, balances)

    def _check_commit(self, key: Key, images: Images, balances: list[Key]) -> None:
        tenant = key.pk.partition("#")[0]
        record = _check_record(images[key])
        legs = {balance_key(tenant, leg.account, leg.slice_number): leg for leg in read_legs(record)}
        assert legs.keys() <= set(balances), "a leg without its balance"
        for balance in balances:
            _check_entry(images[balance], legs.get(balance), record)
            _check_closed(images[balance], legs.get(balance))
            self._check_funds(tenant, balance)
            self._count(tenant, balance.sk.partition("/")[0], images[balance])
        self._check_totals()
        self._check_postings(tenant, record)

    def _check_funds(self, tenant: str, balance: Key) -> None:
        item, account = cast("Any", self.items[balance]), balance.sk.partition("/")[0]
        assert item["h"] >= 0, f"{account} holds less than nothing"
        settings = cast("Any", self.items[state_key(tenant, "account", account)])
        if has_floor(account):
            assert item["f"] == item["p"] - item["h"] + settings.get("ol", 0), f"{account} cannot say what it can spend"
            assert item["f"] >= 0, f"{account} is overdrawn"
        elif "nl" in settings:
            assert item["p"] + settings["nl"] >= 0, f"{account} is below its limit"

    def _count(self, tenant: str, account: str, image: tuple[Any, Any]) -> None:
        old, new = image
        moved = new["p"] - (old["p"] if old else 0)
        self.totals[tenant, new["c"]] += moved
        self.posted[account] += moved
        self.held[account] += new["h"] - (old["h"] if old else 0)

    def _check_totals(self) -> None:
        assert not any(self.totals.values()), f"money appeared or vanished: {self.totals}"

    def _check_postings(self, tenant: str, record: Item) -> None:
        for identifier in dict.fromkeys(event.object_id for event in read_events(record)):
            legs = self.postings[tenant, identifier]
            legs += read_legs(record)
            match identifier.partition("_")[0]:
                case "pay":
                    _check_payment(self.items[state_key(tenant, "payment", identifier)], legs)
                case "tr":
                    _check_transfer(self.items[state_key(tenant, "transfer", identifier)], legs)


def _check_record(image: tuple[Item | None, Item | None]) -> Item:
    old, new = image
    assert old is None, "a commit record was written twice"
    assert new is not None, "a commit record was deleted"
    totals: Counter[str] = Counter()
    for leg in read_legs(new):
        totals[leg.currency] += leg.posted_minor
    assert not any(totals.values()), f"the legs do not balance: {totals}"
    return new


def _check_entry(image: tuple[Any, Any], leg: Leg | None, record: Item) -> None:
    """The balance has moved by its leg and is one entry on, or has not moved at all."""
    old, new = image
    if old is None:
        assert (new["p"], new["h"], new["q"], leg) == (0, 0, 0, None), "a balance begins at nothing"
        return
    moved = (new["p"] - old["p"], new["h"] - old["h"], new["q"] - old["q"])
    assert moved == ((leg.posted_minor, leg.held_minor, 1) if leg else (0, 0, 0)), f"{moved} is not {leg}"
    assert leg is None or (new["lc"], new["c"]) == (record["sk"], leg.currency)


def _check_closed(image: tuple[Any, Any], leg: Leg | None) -> None:
    old, new = image
    if old is not None and old["s"] == "closed":
        assert new["s"] == "closed", "closed is for good"
        released = leg is not None and leg.posted_minor == 0 and leg.held_minor < 0
        assert leg is None or released, f"a closed account took {leg}"
    if new["s"] == "closed":
        assert new["h"] == 0


def _sums(legs: list[Leg]) -> tuple[Counter[str], Counter[str]]:
    posted: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for leg in legs:
        posted[leg.account] += leg.posted_minor
        held[leg.account] += leg.held_minor
    return posted, held


def _check_payment(item: Any, legs: list[Leg]) -> None:
    posted, held = _sums(legs)
    captured, refunded, fee = item["ac"], item["ar"], item.get("fm", 0)
    assert 0 <= refunded <= captured <= item["a"], f"{item} took or gave back too much"
    assert 0 <= fee <= captured, f"{item} was charged more than it brought"
    wanted = Counter({item["pr"]: refunded - captured, item["pe"]: captured - refunded - fee})
    charged = {account: minor for account, minor in posted.items() if account not in wanted and minor}
    assert all(posted[account] == minor for account, minor in wanted.items()), f"{item} has the postings {posted}"
    assert sum(charged.values()) == fee, f"{item} has the postings {posted}"
    assert all(kind_of(account) is AccountKind.PLATFORM for account in charged), f"{charged} are no fees"
    _check_hold(item, item["pr"], item["a"] - captured, held)


def _check_transfer(item: Any, legs: list[Leg]) -> None:
    """Of a batch the legs are folded into those of others: what it posted is in the balances only."""
    if "bt" in item:
        return
    posted, held = _sums(legs)
    moved = item["ap"] - item["ar"]
    assert 0 <= item["ar"] <= item["ap"] <= item["a"], f"{item} moved or gave back too much"
    assert (posted[item["sr"]], posted[item["ds"]]) == (-moved, moved), f"{item} has the postings {posted}"
    _check_hold(item, item["sr"], item["a"], held)


def _check_hold(item: Any, account: str, minor: int, held: Counter[str]) -> None:
    wanted = minor if item["s"] in HOLDING else 0
    assert held == Counter({account: wanted}), f"{item} holds {held}, and should {wanted}"
