"""Stores payments by the thousand: the real payments room makes each of them, and many share one transaction.

What is stored is what as many requests would have stored: commit records, payments, and balances whose sequences
move on by one for each payment. So the payments of one transaction have payers and payees of their own.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chalicelib.store.keys import clock_key
from chalicelib.store.port import Dynamo, Item, Key, Table, Write
from infra.local.seed import CURRENCY, PRINCIPAL, TENANT
from tests.doubles.platform import Client, Platform
from tests.doubles.time_and_chance import HandClock, SeededChance

TOGETHER = 25
"""Payments of one transaction: four items each, and a transaction takes a hundred."""

APART_SECONDS = 0.01
PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class _Collected:
    """The port for one operation: it takes the writes and does nothing with them."""

    status: Item
    writes: list[Write] = field(default_factory=list)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the client's registration, and no test clock: a one-shot payment reads nothing else."""
        assert key.table == "clients" or key == clock_key(TENANT), f"{key} would have to be read from the ledger"
        return self.status if key.table == "clients" else None

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Refuse: no payment reads many items."""
        raise AssertionError("a one-shot payment reads no items at once")

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
        """Refuse: no payment lists anything."""
        raise AssertionError("a one-shot payment lists nothing")

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        """Keep the writes."""
        self.writes += writes

    def taken(self) -> list[Write]:
        """Return what has been kept, and begin anew."""
        taken, self.writes = self.writes, []
        return taken


@dataclass(slots=True)
class Fill:
    """Payments of one client from each payer to the payee of the same place; goes on where it stopped."""

    dynamo: Dynamo
    payers: Sequence[str]
    payees: Sequence[str]
    stored: int = 0
    _collected: _Collected = field(init=False)
    _platform: Platform = field(init=False)

    def __post_init__(self) -> None:
        """Open the payments room on a store that only collects."""
        assert len(set(self.payers)) == len(set(self.payees)) == TOGETHER, "an item is in a transaction once"
        self._collected = _Collected({"status": "active", "tenant": TENANT})
        self._platform = Platform(self._collected, HandClock(), SeededChance())

    def up_to(self, count: int) -> None:
        """Store until there are `count`; the next transaction is made while the engine writes one."""
        with ThreadPoolExecutor(1) as writer:
            writing: Future[None] | None = None
            for writes in self._transactions(count):
                if writing:
                    writing.result()
                writing = writer.submit(self.dynamo.transact, writes, timeout_seconds=PATIENCE_SECONDS)
            if writing:
                writing.result()

    def request(self, number: int) -> tuple[str, dict[str, Any]]:
        """Return the key and the body of one of the payments, as its client would send them."""
        place = number % TOGETHER
        body = {"amount": 1, "currency": CURRENCY, "payer": self.payers[place], "payee": self.payees[place]}
        return str(UUID(int=2**127 + number)), body

    def _transactions(self, count: int) -> Iterator[list[Write]]:
        while self.stored < count:
            for _ in range(TOGETHER):
                self._pay(self.stored)
                self.stored += 1
            yield self._collected.taken()

    def _pay(self, number: int) -> None:
        key, body = self.request(number)
        client = Client(principal=PRINCIPAL, tenant=TENANT)
        answer = self._platform.request(client, "POST", "/v1/payments", body, key=key)
        assert answer.status == 201, answer.text
        clock = self._platform.clock
        clock.wait(APART_SECONDS)
