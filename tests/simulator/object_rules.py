"""What must hold of the objects of a commit: the legs are what their changes say, in time, by somebody who may.

A new kind of object that moves money gets a row in MONEY, an operation with a deadline one in TIMES.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from chalicelib.ledger.chart import slices_of
from chalicelib.ledger.fees import Fee
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Item, Key
from tests.simulator.commit import Commit, may_debit, number, text
from tests.simulator.finding import check

OPERATOR: Final = "prn_operator"
HOLDING: Final = frozenset({"authorized", "partially_captured"})


@dataclass(frozen=True, slots=True)
class Money:
    """How an object tells what it has moved from `source` to `destination`, what went back, and what it holds."""

    source: str
    destination: str
    moved: str
    returned: str
    held: Callable[[Item], int]

    def net(self, item: Item | None) -> int:
        return number(item, self.moved) - number(item, self.returned)


def _payment_holds(payment: Item) -> int:
    return number(payment, "a") - number(payment, "ac") if payment["s"] in HOLDING else 0


def _transfer_holds(transfer: Item) -> int:
    return number(transfer, "a") if transfer["s"] == "held" else 0


MONEY: Final = {
    "payment": Money("pr", "pe", "ac", "ar", _payment_holds),
    "transfer": Money("sr", "ds", "ap", "ar", _transfer_holds),
}

TIMES: Final = {
    "payments.capture": ("cb", False),
    "payments.expire": ("cb", True),
    "transfers.post": ("x", False),
    "transfers.void": ("x", False),
    "transfers.expire": ("x", True),
    "transfers.execute": ("sf", True),
}
"""By operation: the attribute with an instant of its object, and whether it is due from that instant on."""

MAKERS_ONLY: Final = frozenset({"transfers.post", "transfers.void"})
OPERATORS_ONLY: Final = frozenset({"accounts.freeze", "accounts.unfreeze"})
OPERATORS_CHOOSE: Final = ("ol", "n", "fe", "nl")
"""Overdraft limit, slices, fee and negative limit: what an account's owner does not choose."""

BACK: Final = frozenset({"refunds.create", "transfers.reverse"})
BY_ITSELF: Final = frozenset({"payments.expire", "transfers.expire", "transfers.execute"})


class ObjectRules:
    """Judges the objects of each commit; `find` looks items up as they are after it."""

    def __init__(self, find: Callable[[Key], Item | None]) -> None:
        self._find = find

    def judge(self, commit: Commit) -> None:
        """Raise a Finding if the objects and the books tell different stories, or if somebody did what he may not."""
        _legs(commit)
        _time(commit)
        for kind, before, after in commit.objects(*MONEY):
            money = MONEY[kind]
            amount, moved, returned = number(after, "a"), number(after, money.moved), number(after, money.returned)
            check(0 <= returned <= moved <= amount, "more than was allowed:", after)
            if before is None and after["s"] != "declined":
                self._sides(commit, money, after)
        self._permission(commit)
        for _, before, account in commit.objects("account"):
            _settings(commit, before, account)
            self._slices(commit, account)

    def _permission(self, commit: Commit) -> None:
        """Who debits owns the account or holds its mandate; who moves an object on sees it."""
        by_operator = commit.principal == OPERATOR
        check(by_operator or commit.operation not in OPERATORS_ONLY, commit.principal, "may not", commit.operation)
        for kind, before, after in commit.objects(*MONEY):
            money = MONEY[kind]
            if commit.operation in BY_ITSELF:
                executed = commit.operation == "transfers.execute" and after["s"] == "posted"
                check(not executed or self._spends(commit, after, money, text(after, "o")), "executed for", after)
            elif commit.operation in BACK:
                side = money.destination if before else money.source
                check(by_operator or self._owns(commit, after, side), commit.principal, "may not take back:", after)
            elif before is None:
                refused = after["s"] == "declined"
                check(
                    refused or self._spends(commit, after, money, commit.principal), commit.principal, "spends", after
                )
            elif not by_operator and commit.principal != before["o"]:
                sees = commit.operation not in MAKERS_ONLY and self._owns(commit, after, money.destination)
                check(sees, commit.principal, "may not do", commit.operation, "to", after)

    def _spends(self, commit: Commit, made: Item, money: Money, principal: str) -> bool:
        """Tell whether a principal may make the debit of a new object; a frozen account makes none."""
        balance = self._balance(commit, text(made, money.source))
        return (
            balance is not None
            and may_debit(balance, principal)
            and (balance["s"] == "open" or made["s"] == "scheduled")
        )

    def _owns(self, commit: Commit, item: Item, side: str) -> bool:
        balance = self._balance(commit, text(item, side))
        return balance is not None and may_debit(balance, commit.principal)

    def _sides(self, commit: Commit, money: Money, made: Item) -> None:
        """What is made has two sides in its currency, touched or not."""
        for side in (money.source, money.destination):
            balance = self._balance(commit, text(made, side))
            check(balance and balance["c"] == made["c"], "made without two sides in its currency:", made, balance)

    def _slices(self, commit: Commit, account: Item) -> None:
        """What a posting must know of an account stands in each of its balances."""
        identifier = text(account, "sk")
        for place in range(number(account, "nt") or slices_of(identifier)):
            balance = self._find(balance_key(commit.tenant, identifier, place))
            assert balance is not None, f"a balance is gone: {identifier}/{place}"
            told = all(balance.get(name) == account.get(name) for name in ("s", "o", "c", "fe", "r", "n", "nl"))
            told &= balance.get("m", frozenset()) == frozenset(cast("list[str]", account.get("mn", [])))
            check(told, "a balance does not know its account:", balance, account)
            funds = number(balance, "p") - number(balance, "h") + number(account, "ol")
            check(balance.get("f", funds) == funds >= 0 or "f" not in balance, "spendable is not", funds, balance)
            empty = not (number(balance, "p") or number(balance, "h"))
            check(empty or account["s"] != "closed", "closed with money in it:", balance)
            beyond = "nl" in account and number(balance, "p") < -number(account, "nl")
            check(not beyond, "further below zero than its limit:", balance)

    def _balance(self, commit: Commit, account: str) -> Item | None:
        return self._find(balance_key(commit.tenant, account, 0))


def _legs(commit: Commit) -> None:
    """The sum of what the objects say has changed is the sum of the legs, on each account."""
    said: Counter[tuple[str, str]] = Counter()
    for kind, before, after in commit.objects(*MONEY):
        money = MONEY[kind]
        source, destination = text(after, money.source), text(after, money.destination)
        # A reversal is told by the transfer that it brings back.
        moved = 0 if before is None and "rv" in after else money.net(after) - money.net(before)
        said[source, "posted"] -= moved
        said[destination, "posted"] += moved
        for account, charged in _fee(commit, before, after, destination):
            said[destination, "posted"] -= charged
            said[account, "posted"] += charged
        said[source, "held"] += money.held(after) - (money.held(before) if before else 0)
    done: Counter[tuple[str, str]] = Counter()
    for leg in commit.legs.values():
        done[leg.account, "posted"] += leg.posted_minor
        done[leg.account, "held"] += leg.held_minor
    places = sorted({*said, *done})
    differ = {place: (done[place], said[place]) for place in places if done[place] != said[place]}
    check(not differ, commit.operation, "moved, and says that it moved:", differ, commit.states)


def _fee(commit: Commit, before: Item | None, after: Item, payee: str) -> Iterator[tuple[str, int]]:
    """Give the fee that a payment says was charged and where it goes; it is the payee's fee of this very instant."""
    if number(after, "ac") == number(before, "ac"):
        check(number(after, "fm") == number(before, "fm"), "a fee without a capture:", before, after)
        return
    (balance,) = (pair[0] for (account, _), pair in commit.balances.items() if account == payee)
    rule = cast("dict[str, Any] | None", balance.get("fe")) if balance else None
    due = Fee(rule["b"], rule["x"], rule["a"]).total_minor(number(after, "ac")) if rule else 0
    # What a fee was raised by takes no more than the capture brings.
    charged = min(max(number(before, "fm"), due), number(before, "fm") + number(after, "ac") - number(before, "ac"))
    check(number(after, "fm") == charged, "the fee is", charged, "by", rule, "and not that of", after)
    if rule:
        yield rule["a"], charged - number(before, "fm")


def _settings(commit: Commit, before: Item | None, account: Item) -> None:
    """Who changes an account owns it or is the operator, who alone chooses some things."""
    if commit.principal == OPERATOR:
        return
    check(commit.principal == account["o"], commit.principal, "changes", account)
    chosen = before is None or all(before.get(name) == account.get(name) for name in OPERATORS_CHOOSE)
    check(chosen, commit.principal, "chooses", account)


def _time(commit: Commit) -> None:
    name, due = TIMES.get(commit.operation, ("", False))
    for _, before, after in commit.objects(*MONEY):
        if name in after and before is not None:
            reached = number(commit.record, "t") >= number(after, name)
            check(reached is due, commit.operation, "at", commit.record["t"], "of", after)
