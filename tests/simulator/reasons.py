"""Every refusal with its reason: what must have been so at some instant while the request was served.

A code that has no row here is believed. Rows look at the tables as they stood, not at what the platform says of them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from chalicelib.store.keys import client_key, reference_key
from chalicelib.store.port import Item
from chalicelib.store.posting import spendable_minor
from tests.simulator.case import Case
from tests.simulator.commit import may_debit, number, text
from tests.simulator.object_rules import HOLDING, MONEY

REFUNDABLE: Final = frozenset({"captured", "partially_captured"})
LONGEST_LAG_US: Final = 1_000_000


def _lacked(case: Case) -> bool:
    debits: Counter[str] = Counter()
    for move in case.moves():
        debits[move.source] = max(debits[move.source], move.amount) if case.verb else debits[move.source] + move.amount
    return any(
        item and ("f" in item or "nl" in item) and spendable_minor(item) < amount
        for account, amount in debits.items()
        for item in case.balances(account)
    )


def _frozen(case: Case) -> bool:
    return any(item and item["s"] == "frozen" for move in case.moves() for item in case.balances(move.source))


def _conflict(case: Case) -> bool:
    return case.letter.asked.path == "/v1/test_clock" or any(_unfit(case, item) for item in case.targets())


def _unfit(case: Case, item: Item) -> bool:
    return item["s"] in ENDED.get(case.verb, NEVER) or UNFIT.get(case.verb, _not_refundable)(case, item)


def _not_refundable(_: Case, item: Item) -> bool:
    return item["s"] not in REFUNDABLE


def _mandates(item: Item) -> list[str]:
    return cast("list[str]", item.get("mn", []))


ACCOUNTS: Final = frozenset({"close", "update", "grant", "revoke"})
NEVER: Final = frozenset[str]()
ENDED: Final = dict.fromkeys(ACCOUNTS, frozenset({"closed"}))
UNFIT: Final[dict[str, Callable[[Case, Item], bool]]] = {
    "close": lambda case, item: not case.was_empty(item),
    "update": Case.uses_more_than_asked,
    "grant": lambda case, item: case.body["principal"] in {item["o"], *_mandates(item)},
    "revoke": lambda case, item: case.body["principal"] not in _mandates(item),
    "freeze": lambda _, item: item["s"] != "open",
    "unfreeze": lambda _, item: item["s"] != "frozen",
    "capture": lambda case, item: item["s"] not in HOLDING or case.has_come(item.get("cb")),
    "cancel": lambda _, item: item["s"] not in HOLDING,
    "post": lambda case, item: item["s"] != "held" or case.has_come(item.get("x")),
    "void": lambda case, item: item["s"] not in {"held", "scheduled"} or case.has_come(item.get("x")),
    "reverse": lambda _, item: item["s"] != "posted",
}
"""By what is asked: the states of its object in which it is a conflict."""


def _above_the_hold(case: Case) -> bool:
    return any(number(item, "a") - number(item, "ac") < case.body["amount"] for item in case.targets())


def _above_the_rest(kind: str) -> Callable[[Case], bool]:
    return lambda case: any(MONEY[kind].net(item) < case.body.get("amount", 1) for item in case.targets())


def _other_version(case: Case) -> bool:
    return any(item["v"] != case.letter.asked.if_match for item in case.targets())


def _not_there(case: Case) -> bool:
    target = case.target()
    if target is None:
        return False
    if target[0] == "event" and case.may_be_hidden(target[1]):
        return True
    return any(item is None or not case.sees(target[0], item, all) for item in case.during(*target))


def _no_account(case: Case) -> bool:
    debits = {move.source for move in case.moves()}
    accounts = debits | {move.destination for move in case.moves()}
    return any(
        item is None or (account in debits and not may_debit(item, case.principal))
        for account in (*accounts, *case.fee_accounts())
        for item in case.balances(account)
    )


def _closed(case: Case) -> bool:
    """Some account of the request is closed: one that it moves money of, or one that fees go to."""
    accounts = {account for move in case.moves() for account in (move.source, move.destination)}
    for item in case.targets():
        money = MONEY.get(item["pk"].split("#")[1]) if isinstance(item["pk"], str) else None
        accounts |= {text(item, money.source), text(item, money.destination)} if money else set()
    return any(
        item and item["s"] == "closed"
        for account in accounts | {fee for one in accounts for fee in case.fees_of(one)} | set(case.fee_accounts())
        for item in case.balances(account)
    )


def _other_currency(case: Case) -> bool:
    currencies = {case.body.get("currency"), *(item.get("c") for item in case.targets())}
    fees = [item for account in case.fee_accounts() for item in case.balances(account)]
    return any(item and item["c"] not in currencies for item in fees) or any(
        item and item["c"] != move.currency
        for move in case.moves()
        for account in (move.source, move.destination)
        for item in case.balances(account)
    )


def _forbidden(case: Case) -> bool:
    """Operators are refused the test clock of a live tenant, and nothing else."""
    return not case.is_operator or not case.tenant.endswith(".sandbox")


def _taken(case: Case) -> bool:
    key = reference_key(case.tenant, case.body["payee"], case.body["reference"])
    return any(item is not None for item in case.database.during(key, case.since_us))


def _revoked(case: Case) -> bool:
    key = client_key(case.letter.client.client_id)
    stood = case.database.during(key, max(0, case.since_us - LONGEST_LAG_US))
    return any(item is None or item["status"] != "active" for item in stood)


def _too_late(case: Case) -> bool:
    """The only malformed thing that a client here may send is a date that has passed."""
    return "scheduled_for" in case.body


REASONS: Final[dict[str, Callable[[Case], bool]]] = {
    "invalid_request": _too_late,
    "insufficient_funds": _lacked,
    "account_frozen": _frozen,
    "state_conflict": _conflict,
    "capture_too_large": _above_the_hold,
    "post_too_large": lambda case: any(number(item, "a") < case.body["amount"] for item in case.targets()),
    "refund_too_large": _above_the_rest("payment"),
    "reversal_too_large": _above_the_rest("transfer"),
    "precondition_failed": _other_version,
    "not_found": _not_there,
    "account_not_found": _no_account,
    "account_closed": _closed,
    "currency_mismatch": _other_currency,
    "forbidden": _forbidden,
    "reference_taken": _taken,
    "client_revoked": _revoked,
}
