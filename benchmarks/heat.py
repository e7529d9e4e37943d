"""One hot merchant under DynamoDB's conflict rule, in simulated time: what slices buy.

No engine that runs here raises TransactionConflict, so the rule is simulated: an item is busy while a transaction
that touches it is being done, and another that comes meanwhile is cancelled at once, with that item as the reason.
Everything above the store is the real thing: the payments room, its retries, its jitter.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from benchmarks.report import row
from benchmarks.simulation import Simulation
from chalicelib.store.port import Cancelled, Item, Key, Reason, Table, Write
from chalicelib.store.sizes import write_units
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.platform import Client, Platform
from tests.doubles.time_and_chance import SeededChance

RATE = 200
"""Payments per second, arriving at random, all to one merchant."""

BUSY_SECONDS = 0.008
SLICES = (1, 4, 16, 32)
SIMULATED_SECONDS = 6
"""For each second of a load: thirty at the usual length."""

PAYERS = 400
"""Each pays every other second, so that the payers stand in nobody's way."""

CONFLICT = "TransactionConflict"


@dataclass(slots=True)
class BusyDynamo:
    """The port in memory, with items that are busy while a transaction is being done."""

    simulation: Simulation
    busy_seconds: float
    inner: MemoryDynamo = field(default_factory=MemoryDynamo)
    attempts: int = 0
    write_units: int = 0
    _busy_until: dict[Key, float] = field(default_factory=dict)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return an item; a read is in nobody's way."""
        return self.inner.get(key, consistent=consistent)

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Return the items that are there, as the store in memory does."""
        return self.inner.get_many(keys)

    def query(  # noqa: PLR0913 - a range has that many sides
        self,
        table: Table,
        pk: str,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        consistent: bool = False,
    ) -> list[Item]:
        """Return rows as the store in memory does."""
        return self.inner.query(table, pk, limit=limit, after=after, before=before, newest_first=newest_first)

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        """Take the items for a while and write them, or be cancelled at once for those that are taken."""
        self.attempts += 1
        now_seconds = self.simulation.elapsed_seconds()
        taken = [self._busy_until.get(write.key, 0.0) > now_seconds for write in writes]
        if any(taken):
            # A cancelled attempt is billed too.
            self.write_units += sum(write_units(self.inner.items.get(write.key), None) for write in writes)
            raise Cancelled([Reason(CONFLICT if busy else None) for busy in taken])
        self._busy_until |= dict.fromkeys((write.key for write in writes), now_seconds + self.busy_seconds)
        self.simulation.wait(self.busy_seconds)
        before = self.inner.write_units
        try:
            self.inner.transact(writes, token=token, timeout_seconds=timeout_seconds)
        finally:
            self.write_units += self.inner.write_units - before


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the payments of one simulation, and what they took."""

    statuses: Counter[int]
    attempts: int
    write_units: int
    latencies: list[float]

    @property
    def paid(self) -> int:
        """How many succeeded."""
        return self.statuses[201]


def report(seconds: float) -> None:
    """Print a line per number of slices; the target is no give-up and at most 1.1 attempts."""
    row("slices of the merchant", "paid", "gave up", "attempts each", "units each", "p50 ms", "p99 ms")
    for slices in SLICES:
        outcome = simulate(slices, rate=RATE, busy_seconds=BUSY_SECONDS, seconds=seconds * SIMULATED_SECONDS)
        ordered = sorted(outcome.latencies)
        row(
            str(slices),
            str(outcome.paid),
            str(outcome.statuses.total() - outcome.paid),
            f"{outcome.attempts / outcome.paid:.2f}",
            f"{outcome.write_units / outcome.paid:.1f}",
            f"{ordered[len(ordered) // 2] * 1_000:.0f}",
            f"{ordered[len(ordered) * 99 // 100] * 1_000:.0f}",
        )


def simulate(slices: int, *, rate: float, busy_seconds: float, seconds: float, seed: int = 1) -> Outcome:
    """Run the payments room for `seconds` of simulated time, with callers that arrive at random (Poisson)."""
    simulation = Simulation()
    dynamo = BusyDynamo(simulation, busy_seconds)
    town = _Town(Platform(dynamo, simulation, SeededChance(seed)), simulation, slices)
    dynamo.attempts = dynamo.write_units = 0
    arrivals = Random(seed)  # noqa: S311 - a seed repeats the run
    at_seconds = 0.0
    while (at_seconds := at_seconds + arrivals.expovariate(rate)) < seconds:
        simulation.start(at_seconds, town.pay)
    simulation.run()
    town.check_books()
    return Outcome(town.statuses, dynamo.attempts, dynamo.write_units, town.latencies)


class _Town:
    """Many payers and one merchant, and what they lived to see."""

    def __init__(self, platform: Platform, simulation: Simulation, slices: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self._platform = platform
        self._simulation = simulation
        self._operator = platform.register(Client())
        self._keys = 0
        self._paid = 0
        self._external = self._open("external")
        self._payers = [self._funded() for _ in range(PAYERS)]
        self._merchant = self._open("merchant", slices=slices)

    def pay(self) -> None:
        """Make one payment, by the next payer in turn."""
        self._paid += 1
        payer = self._payers[self._paid % PAYERS]
        began_seconds = self._simulation.elapsed_seconds()
        status = self._post("/v1/payments", payer=payer, payee=self._merchant, amount=1)[0]
        self.statuses[status] += 1
        self.latencies.append(self._simulation.elapsed_seconds() - began_seconds)

    def check_books(self) -> None:
        """A payment that was answered has moved its money, and no other has."""
        answer = self._platform.request(self._operator, "GET", f"/v1/accounts/{self._merchant}").json
        assert answer["balance"]["posted"] == self.statuses[201], "the merchant has another sum than was paid"

    def _open(self, kind: str, **settings: int) -> str:
        return self._post("/v1/accounts", kind=kind, **settings)[1]

    def _funded(self) -> str:
        wallet = self._open("wallet")
        self._post("/v1/transfers", source=self._external, destination=wallet, amount=1_000_000)
        return wallet

    def _post(self, path: str, **body: str | int) -> tuple[int, str]:
        self._keys += 1
        key = str(UUID(int=2**127 + self._keys))
        answer = self._platform.request(self._operator, "POST", path, {"currency": "USD", **body}, key=key)
        return answer.status, str(answer.json.get("id", ""))
