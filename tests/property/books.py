"""The books as a child would keep them: integers and names in dictionaries, and what an account says to a movement."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

DONE = ""
"""No refusal: the request takes effect."""

OPERATOR = "prn_operator"
DECLINES = ("account_frozen", "insufficient_funds")


@dataclass(slots=True)
class ModelAccount:
    """What the model remembers of an account; `limit` is how far below zero it may go, None: no matter how far."""

    kind: str
    owner: str
    metadata: dict[str, str]
    limit: int | None
    slices: int
    fee: dict[str, Any] | None = None
    status: str = "open"
    mandates: set[str] = field(default_factory=set)
    posted: int = 0
    held: int = 0
    version: int = 1

    @property
    def spendable(self) -> int:
        return self.posted - self.held + (self.limit or 0)

    def covers(self, amount: int) -> bool:
        return self.limit is None or self.spendable >= amount

    def lets(self, who: str) -> bool:
        """Whether somebody may debit the account."""
        return who == self.owner or who in self.mandates


@dataclass(slots=True)
class ModelPayment:
    """What the model remembers of a payment."""

    owner: str
    payer: str
    payee: str
    amount: int
    status: str
    capture_before: int
    reference: str | None
    captured: int = 0
    refunded: int = 0
    fee: int = 0
    version: int = 1

    @property
    def held(self) -> int:
        return self.amount - self.captured if self.status in {"authorized", "partially_captured"} else 0


@dataclass(slots=True)
class ModelTransfer:
    """What the model remembers of a transfer; `due` is when a hold ends, or when the scheduled one is executed."""

    owner: str
    source: str
    destination: str
    amount: int
    status: str
    due: int = 0
    posted: int = 0
    reversed: int = 0
    version: int = 1


@dataclass(slots=True)
class Books:
    """Everything there is.

    `looks_ahead` is for a world in which nothing happens between a look and the commit it leads to: then an account
    that a commit does not touch is refused as it would be if it were touched. In a world with others it may have been
    closed, or a mandate revoked, in between, and whoever posts decides again.
    """

    looks_ahead: bool = True
    accounts: dict[str, ModelAccount] = field(default_factory=dict)
    payments: dict[str, ModelPayment] = field(default_factory=dict)
    transfers: dict[str, ModelTransfer] = field(default_factory=dict)
    references: set[tuple[str, str]] = field(default_factory=set)
    ahead_seconds: int = 0

    def debit(self, account: str, amount: int, who: str | None = None, unauthorised: str = "account_not_found") -> str:
        """What the account says when somebody wants money from it (`who` None: nobody asks who)."""
        found = self.accounts[account]
        if who is not None and not found.lets(who):
            return unauthorised
        if found.status != "open":
            return f"account_{found.status}"
        return DONE if found.covers(amount) else "insufficient_funds"

    def credit(self, account: str, who: str | None = None) -> str:
        """What the account says to money that comes (`who` is somebody who will want money from it later)."""
        found = self.accounts[account]
        if who is not None and not found.lets(who):
            return "account_not_found"
        return "account_closed" if found.status == "closed" else DONE

    def move(self, source: str, destination: str, amount: int) -> None:
        self.accounts[source].posted -= amount
        self.accounts[destination].posted += amount

    def sees(self, who: str, owner: str, *accounts: str) -> bool:
        """Whether an object exists for somebody: its maker, an operator, who may debit one of the accounts."""
        if not self.looks_ahead:
            return True
        return who in {OPERATOR, owner} or any(self.accounts[account].lets(who) for account in accounts)


def worst(*codes: str) -> str:
    """The refusal that is told: the first, but a decline comes last, for it makes an object."""
    return min((code for code in codes if code), key=lambda code: code in DECLINES, default=DONE)


def fee_on(rule: dict[str, Any] | None, captured: int) -> int:
    """The fee on all that is captured of a payment; Python rounds a fraction's half to even."""
    if rule is None:
        return 0
    share = round(Fraction(captured * int(rule["basis_points"]), 10_000))
    return min(captured, share + int(rule["fixed"]))
