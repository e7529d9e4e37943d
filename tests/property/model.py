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
class ModelTransfer:
    """What the model remembers of a transfer."""

    source: str
    destination: str
    held: int = 0
    posted: int = 0
    reversed: int = 0
    version: int = 1


@dataclass(slots=True)
class Model:
    """`floors` names the accounts that cannot go below zero."""

    floors: frozenset[str]
    posted: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    frozen: set[str] = field(default_factory=set)
    payments: dict[str, ModelPayment] = field(default_factory=dict)
    transfers: dict[str, ModelTransfer] = field(default_factory=dict)

    def play(self, path: str, body: dict[str, Any], made: str) -> str:
        """Do what a request asks and return the code of its refusal, DONE if there is none.

        `made` is the id the ledger gave to what the request made.
        """
        _, _, room, *rest = path.split("/")
        match room, rest:
            case "transfers", _:
                return self._play_transfer(rest, body, made)
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

    def _play_transfer(self, rest: list[str], body: dict[str, Any], made: str) -> str:
        match rest:
            case []:
                return self._transfer(body, made)
            case ["batch"]:
                return self._batch(body["transfers"])
            case [transfer, "post"]:
                return self._post(self.transfers[transfer], body.get("amount"))
            case [transfer, "void"]:
                return self._void(self.transfers[transfer])
            case [transfer, "reverse"]:
                return self._reverse(self.transfers[transfer], body.get("amount"), made)
        raise AssertionError(f"the model knows no {rest}")

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

    def _transfer(self, body: dict[str, Any], made: str) -> str:
        transfer = ModelTransfer(body["source"], body["destination"])
        if body.get("mode") == "hold":
            if code := self._declines(transfer.source, body["amount"]):
                return code
            transfer.held = body["amount"]
            self.held[transfer.source] += transfer.held
        else:
            if code := self._move(transfer.source, transfer.destination, body["amount"]):
                return code
            transfer.posted = body["amount"]
        self.transfers[made] = transfer
        return DONE

    def _batch(self, rows: list[dict[str, Any]]) -> str:
        blamed = [found for source in {row["source"] for row in rows} if (found := self._blame(source, rows))]
        if blamed:
            return min(blamed)[1]
        for row in rows:
            self.posted[row["source"]] -= row["amount"]
            self.posted[row["destination"]] += row["amount"]
        return DONE

    def _blame(self, account: str, rows: list[dict[str, Any]]) -> tuple[int, str] | None:
        """Everything that comes in counts first; then the first row that is not covered fails."""
        left = self.posted[account] - self.held[account]
        left += sum(row["amount"] for row in rows if row["destination"] == account)
        for index, row in enumerate(rows):
            if row["source"] == account:
                left -= row["amount"]
                if account in self.frozen:
                    return index, "account_frozen"
                if account in self.floors and left < 0:
                    return index, "insufficient_funds"
        return None

    def _post(self, transfer: ModelTransfer, wanted: int | None) -> str:
        if not transfer.held:
            return "state_conflict"
        amount = transfer.held if wanted is None else wanted
        if amount > transfer.held:
            return "post_too_large"
        self._void(transfer)
        self.posted[transfer.source] -= amount
        self.posted[transfer.destination] += amount
        transfer.posted = amount
        return DONE

    def _void(self, transfer: ModelTransfer) -> str:
        if not transfer.held:
            return "state_conflict"
        self.held[transfer.source] -= transfer.held
        transfer.held = 0
        transfer.version += 1
        return DONE

    def _reverse(self, transfer: ModelTransfer, wanted: int | None, made: str) -> str:
        if not transfer.posted:
            return "state_conflict"
        left = transfer.posted - transfer.reversed
        amount = left if wanted is None else wanted
        if not 0 < amount <= left:
            return "reversal_too_large"
        if code := self._move(transfer.destination, transfer.source, amount):
            return code
        transfer.reversed += amount
        transfer.version += 1
        self.transfers[made] = ModelTransfer(transfer.destination, transfer.source, posted=amount)
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
