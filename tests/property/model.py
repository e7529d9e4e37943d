"""The ledger as a child would write it: integers in dictionaries, one request after the other, nothing ever fails."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

DONE = ""
"""No refusal: the request takes effect."""


@dataclass(slots=True)
class ModelPayment:
    """What the model remembers of a payment."""

    payer: str
    payee: str
    amount: int
    captured: int = 0
    refunded: int = 0
    held: int = 0
    version: int = 1


@dataclass(slots=True)
class Model:
    """`floors` names the accounts that cannot go below zero."""

    floors: frozenset[str]
    posted: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    frozen: set[str] = field(default_factory=set)
    payments: dict[str, ModelPayment] = field(default_factory=dict)

    def play(self, path: str, body: dict[str, Any], made: str) -> str:
        """Do what a request asks and return the code of its refusal, DONE if there is none.

        `made` is the id the ledger gave to what the request made.
        """
        _, _, room, *rest = path.split("/")
        match room, rest:
            case "transfers", []:
                return self._move(body["source"], body["destination"], body["amount"])
            case "payments", []:
                return self._pay(body, made)
            case "refunds", []:
                return self._refund(self.payments[body["payment"]], body.get("amount"))
            case "payments", [payment, "capture"]:
                return self._capture(self.payments[payment], body.get("amount"), final=body.get("final", False))
            case "payments", [payment, "cancel"]:
                return self._cancel(self.payments[payment])
            case "accounts", [account, verb]:
                return self._freeze(account, frozen=verb == "freeze")
        raise AssertionError(f"the model knows no {path}")

    def _declines(self, account: str, amount: int) -> str:
        if account in self.frozen:
            return "account_frozen"
        short = account in self.floors and self.posted[account] - self.held[account] < amount
        return "insufficient_funds" if short else DONE

    def _move(self, source: str, destination: str, amount: int) -> str:
        if code := self._declines(source, amount):
            return code
        self.posted[source] -= amount
        self.posted[destination] += amount
        return DONE

    def _pay(self, body: dict[str, Any], made: str) -> str:
        payment = ModelPayment(body["payer"], body["payee"], body["amount"])
        if body["capture"] == "manual":
            if code := self._declines(payment.payer, payment.amount):
                return code
            payment.held = payment.amount
            self.held[payment.payer] += payment.amount
        else:
            if code := self._move(payment.payer, payment.payee, payment.amount):
                return code
            payment.captured = payment.amount
        self.payments[made] = payment
        return DONE

    def _capture(self, payment: ModelPayment, wanted: int | None, *, final: bool) -> str:
        if not payment.held:
            return "state_conflict"
        amount = payment.held if wanted is None else wanted
        if amount > payment.held:
            return "capture_too_large"
        self._release(payment, amount)
        self.posted[payment.payer] -= amount
        self.posted[payment.payee] += amount
        payment.captured += amount
        payment.version += 1
        if final:
            self._release(payment, payment.held)
        return DONE

    def _cancel(self, payment: ModelPayment) -> str:
        if not payment.held:
            return "state_conflict"
        self._release(payment, payment.held)
        payment.version += 1
        return DONE

    def _release(self, payment: ModelPayment, amount: int) -> None:
        payment.held -= amount
        self.held[payment.payer] -= amount

    def _refund(self, payment: ModelPayment, wanted: int | None) -> str:
        if not payment.captured:
            return "state_conflict"
        left = payment.captured - payment.refunded
        amount = left if wanted is None else wanted
        if not 0 < amount <= left:
            return "refund_too_large"
        if code := self._move(payment.payee, payment.payer, amount):
            return code
        payment.refunded += amount
        payment.version += 1
        return DONE

    def _freeze(self, account: str, *, frozen: bool) -> str:
        if (account in self.frozen) is frozen:
            return "state_conflict"
        (self.frozen.add if frozen else self.frozen.discard)(account)
        return DONE
