"""A client about to ask for something: what it knows of its ledger, and how it chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.doubles.platform import Client
from tests.simulator.book import Book, Resource

TRIES = 8
"""So often a client looks for an object that fits."""

REGARDLESS = 0.1
"""How often it then asks for one that does not fit: in another state, or somebody else's."""

STRAY = 0.02
"""How often it names an object of another tenant."""


Shares = Sequence[int]
"""How often each operation comes in this run, in the order of their rows."""


def _whatever(_: Resource) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Asker:
    """`book` is its tenant's, `other_book` another tenant's; `now_at` is true time, in ms since the epoch."""

    client: Client
    book: Book
    other_book: Book
    chance: Random
    shares: Shares
    now_at: Callable[[], int]

    def any(self, kind: str, fits: Callable[[Resource], bool] = _whatever) -> Resource | None:
        """Return a resource of the client's that fits, if one is soon found; now and then any that there is."""
        if self.perhaps(STRAY):
            return self.other_book.any(kind, self.chance)
        for _ in range(TRIES):
            found = self.book.any(kind, self.chance)
            if found is None or (fits(found) and self._concerns(found)):
                return found
        return found if self.perhaps(REGARDLESS) else None

    def account(self, *kinds: str, currency: str = "USD", own: bool = False) -> str | None:
        """Return an account of one of the kinds, mostly in a currency; `own` asks for one that it may debit."""
        anything = self.perhaps(REGARDLESS)

        def fits(account: Resource) -> bool:
            return account["kind"] in kinds and (anything or account["currency"] == currency)

        for _ in range(TRIES):
            found = self.any("account", fits) if own else self.book.any("account", self.chance)
            if found and fits(found):
                return str(found["id"])
        return None

    def amount(self) -> int:
        """Return an amount: mostly small beside what wallets hold, sometimes too much for them."""
        return self.chance.randint(1, 60) if self.perhaps(0.9) else self.chance.randint(60, 600)

    def perhaps(self, rate: float) -> bool:
        return self.chance.random() < rate

    def _concerns(self, found: Resource) -> bool:
        """Tell whether an object is the client's as far as anybody was shown: an account, or money of one."""
        if self.client.role == "operator":
            return True
        owners = {found.get("owner")}
        for side in ("payer", "payee", "source", "destination"):
            account = self.book.known("account", found.get(side, ""))
            owners |= {account["owner"]} if account else set()
        payment = self.book.known("payment", found.get("payment", ""))
        return bool(owners & self._principals()) or (payment is not None and self._concerns(payment))

    def _principals(self) -> set[str]:
        """The agent pays with what is Alice's."""
        return {self.client.principal, "prn_alice" if self.client.principal == "prn_agent" else self.client.principal}
