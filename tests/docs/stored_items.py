"""What the operations store, weigh and cost: every one is run, and what it wrote is looked at."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Final

from chalicelib.store.port import Item, Key
from chalicelib.store.sizes import item_bytes
from infra.api_keys import ApiKey
from infra.register import NewClient, Register
from tests.docs.operations import OPERATIONS, Operation
from tests.doubles.journaled_dynamo import Done, JournaledDynamo
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.small_ledger import EVERYBODY, SmallLedger
from tests.doubles.statements import Projected
from tests.doubles.streamed_dynamo import StreamedDynamo
from tests.doubles.time_and_chance import HandClock, SeededChance

UUID_KEY: Final = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


@dataclass
class Watched(JournaledDynamo, StreamedDynamo):
    """Both the journal of commits and the streams of all tables."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one operation came to: reads, write units, its commit, and every item that changed by it."""

    operation: Operation
    reads: int
    write_units: int
    done: Done
    changed: Mapping[Key, Item]

    @property
    def row(self) -> list[str]:
        """The operation's line of the table of costs."""
        written = _counted(_told(key, item) for key, item in self.done.written.items())
        projected = _counted(sorted(kind_of(key) for key in self.changed if key.table == "projections"))
        return [self.operation.told, str(self.reads), str(self.write_units), written, projected]


def kind_of(key: Key) -> str:
    """Return what an item is called."""
    if key.table == "clients":
        return "client" if key.pk.startswith("client#") else "tenant"
    return key.pk.split("#")[1].partition("-")[0]


def _counted(kinds: Iterable[str]) -> str:
    return ", ".join(f"{number} {kind}" if number > 1 else kind for kind, number in Counter(kinds).items())


def _told(key: Key, item: Item | None) -> str:
    return kind_of(key) if item is not None else f"{kind_of(key)} taken away"


@cache
def measured() -> tuple[Measured, ...]:
    """Run every operation, each on a ledger of its own."""
    return tuple(_measure(operation) for operation in OPERATIONS)


def _measure(operation: Operation) -> Measured:
    streamed = Watched()
    world = Projected(streamed=streamed)
    send = operation.arrange(world.ledger)
    _ask_for_clients(world.ledger)
    world.catch_up()
    before = world.ledger.snapshot()
    world.ledger.store.reset_counters()
    send(UUID_KEY)
    trips, units = world.ledger.store.round_trips.copy(), world.ledger.store.write_units
    world.catch_up()
    changed = {key: item for key, item in world.ledger.snapshot().items() if before.get(key) != item}
    return Measured(operation, trips.total() - trips["transact"], units, streamed.journal[-1], changed)


def _ask_for_clients(ledger: SmallLedger) -> None:
    """Have the status of every client read by every room: five seconds of requests share that read."""
    for client in EVERYBODY:
        for path in ("accounts/nothing", "payments/nothing", "refunds/nothing", "transfers/nothing", "test_clock"):
            ledger.get(client, f"/v1/{path}")


@cache
def stored() -> dict[str, list[tuple[Key, Item]]]:
    """Return all items that were written, by kind; a client's is the one that the register writes."""
    found: dict[str, list[tuple[Key, Item]]] = defaultdict(list)
    for one in measured():
        for key, item in one.changed.items():
            found[kind_of(key)].append((key, item))
    for key, item in _registered().items():
        found[kind_of(key)].append((key, item))
    return found


class _Issuing:
    """API keys without a gateway that knows them."""

    def issue(self, name: str, plan: str) -> ApiKey:
        return ApiKey("k" * 10, "v" * 40)

    def disable(self, key_id: str) -> None:
        raise AssertionError(f"{key_id} is good")


def _registered() -> Mapping[Key, Item]:
    dynamo = MemoryDynamo()
    register = Register(dynamo, _Issuing(), b"pepper", HandClock(), SeededChance(), frozenset({"sandbox"}))
    scopes = ("accounts:read", "accounts:write", "payments:read", "payments:write")
    register.create(NewClient("demo.live", "merchant", scopes, "sandbox"))
    return dynamo.items


def attributes(kind: str) -> set[str]:
    """Return the names of all attributes that any item of a kind has, without its key."""
    return {name for _, item in stored()[kind] for name in item} - {"pk", "sk"}


def weights(kind: str) -> tuple[int, int]:
    """Return what an item of a kind weighs, typically and at most (bytes)."""
    found = [item_bytes(item) for _, item in stored()[kind]]
    return round(median(found)), max(found)


def writers(kind: str) -> set[str]:
    """Return the rooms that write items of a kind, and what has the registry of clients."""
    table = stored()[kind][0][0].table
    if table in {"clients", "projections"}:
        return {"infra/register.py" if table == "clients" else table}
    return {one.done.operation.partition(".")[0] for one in measured() if kind in map(kind_of, one.done.written)}
