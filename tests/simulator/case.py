"""A request that was refused, beside the tables as they stood from its beginning till now."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from chalicelib.kernel.ids import earliest_id
from chalicelib.ledger.chart import slices_of
from chalicelib.projections.records import EVENT_PREFIX
from chalicelib.store.keys import StateKind, balance_key, clock_key, state_key
from chalicelib.store.port import Item, Key
from tests.doubles.time_and_chance import START_AT
from tests.simulator.commit import may_debit, number, text
from tests.simulator.database import Database
from tests.simulator.letter import Letter
from tests.simulator.object_rules import MONEY
from tests.simulator.process import FURTHEST_CLOCK_MS
from tests.simulator.projection_rules import HORIZON_MS

KINDS: Final[dict[str, StateKind]] = {
    "accounts": "account",
    "payments": "payment",
    "refunds": "refund",
    "transfers": "transfer",
    "events": "event",
}


When = Callable[[Iterable[bool]], bool]
"""At `any` instant of the request, or at `all` of them: mandates come and go meanwhile."""


def account_key(tenant: str, account: str) -> Key:
    """Return where the first slice of an account's balance lives; owner, currency and status stand in each slice."""
    return balance_key(tenant, account, 0)


@dataclass(frozen=True, slots=True)
class Move:
    """Money that a request would move: the source is debited."""

    source: str
    destination: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Case:
    """Every question is about some instant of the request: what was so then may have been its reason."""

    database: Database
    letter: Letter
    since_us: int

    @property
    def tenant(self) -> str:
        return self.letter.client.tenant

    @property
    def principal(self) -> str:
        return self.letter.client.principal

    @property
    def is_operator(self) -> bool:
        return self.letter.client.role == "operator"

    @property
    def verb(self) -> str:
        return self.letter.asked.verb

    @property
    def body(self) -> dict[str, Any]:
        return dict(self.letter.asked.body or {})

    def during(self, kind: StateKind, identifier: str) -> list[Item | None]:
        """Return every state in which an object stood; None where there was none."""
        return self.database.during(state_key(self.tenant, kind, identifier), self.since_us)

    def balances(self, account: str) -> list[Item | None]:
        return self.database.during(account_key(self.tenant, account), self.since_us)

    def target(self) -> tuple[StateKind, str] | None:
        """Name the object that the request is about, if there is one."""
        asked = self.letter.asked
        if "payment" in self.body:
            return "payment", self.body["payment"]
        kind = KINDS.get(asked.path.split("/")[2])
        return (kind, asked.identifier) if kind and asked.identifier else None

    def targets(self) -> list[Item]:
        """Return the states in which the object stood while there was one."""
        target = self.target()
        return [item for item in self.during(*target) if item] if target else []

    def moves(self) -> list[Move]:
        """Return what would be moved: as the body says, or back from where the object's money went."""
        body = self.body
        rows = body.get("transfers", [body] if "amount" in body and "currency" in body else [])
        asked = [
            Move(
                row.get("payer") or row["source"],
                row.get("payee") or row["destination"],
                row["currency"],
                row["amount"],
            )
            for row in rows
        ]
        return asked or list(self._moves_back())

    def _moves_back(self) -> Iterator[Move]:
        kind, _ = self.target() or ("", "")
        if self.verb == "reverse" or (kind == "payment" and not self.verb):
            money = MONEY[kind]
            for item in self.targets():
                wanted = self.body.get("amount") or money.net(item)
                yield Move(text(item, money.destination), text(item, money.source), text(item, "c"), wanted)

    def fee_accounts(self) -> list[str]:
        """Return the account that the body names for fees, if it does."""
        fee = self.body.get("fee")
        return [fee["account"]] if fee else []

    def fees_of(self, account: str) -> list[str]:
        """Return the accounts that an account's fees went to."""
        rules = [cast("dict[str, str]", item["fe"]) for item in self.balances(account) if item and "fe" in item]
        return [rule["a"] for rule in rules]

    def was_empty(self, account: Item) -> bool:
        """Tell whether nothing stood on an account at every instant; one slice is enough to say no."""
        stood = [item for key in self._slices(account) for item in self.database.during(key, self.since_us) if item]
        return not any(item["p"] or item["h"] for item in stood)

    def _slices(self, account: Item) -> list[Key]:
        identifier = text(account, "sk")
        places = range(cast("int", account.get("nt", slices_of(identifier))))
        return [balance_key(self.tenant, identifier, place) for place in places]

    def uses_more_than_asked(self, account: Item) -> bool:
        """Tell whether an account was at some instant further below zero than the limit that is asked for."""
        limit = self.body.get("overdraft_limit") or self.body.get("negative_limit") or 0
        stood = [[item for item in self.database.during(key, self.since_us) if item] for key in self._slices(account)]
        lowest = sum(min((number(item, "p") - number(item, "h") for item in items), default=0) for items in stood)
        return lowest + limit < 0

    def controls(self, account: str, when: When = any) -> bool:
        """Tell whether the client might have debited an account at any instant, or at all."""
        return when(may_debit(item, self.principal) for item in self.balances(account) if item)

    def sees(self, kind: str, item: Item, when: When = any) -> bool:
        """Tell whether an object existed for the client: its own, or one with an account that it controls."""
        if self.is_operator or item["o"] == self.principal:
            return True
        if kind == "refund":
            payments = [one for one in self.during("payment", text(item, "py")) if one]
            return when(self.sees("payment", payment, when) for payment in payments)
        sides = {"payment": ("pe",), "transfer": ("sr", "ds")}.get(kind, ())
        return any(self.controls(text(item, side), when) for side in sides)

    def may_be_hidden(self, event: str) -> bool:
        """Tell whether an event may have been too young to be shown, by some environment's clock."""
        began_at = START_AT + self.since_us // 1_000
        return event >= earliest_id(EVENT_PREFIX, began_at - FURTHEST_CLOCK_MS - HORIZON_MS)

    def has_come(self, at: object) -> bool:
        """Tell whether some environment's clock may have shown an instant by now."""
        clocks = [item for item in self.database.during(clock_key(self.tenant), self.since_us) if item]
        ahead_ms = cast("int", clocks[-1]["ah"]) if clocks else 0
        now_at = START_AT + self.database.now_us() // 1_000 + ahead_ms + FURTHEST_CLOCK_MS
        return at is not None and now_at >= cast("int", at)
