"""How a leg becomes one conditional update of a balance item, and what a failed condition means.

The balance item: owner `o`, currency `c`, status `s`, posted `p`, held `h`, spendable `f` (floor accounts
only), sequence `q`, last commit `lc`, mandates `m` (a set of principals, if any), and on accounts without a floor the
revision `r` of their facts (`facts.py`). Posted, held and spendable move together, because a condition knows no
arithmetic. An account without a floor holds nothing, so a limit to how far it may go below zero is a condition on what
is posted.
"""

from dataclasses import dataclass
from typing import Final, cast

from chalicelib.kernel.problems import (
    ACCOUNT_CLOSED,
    ACCOUNT_FROZEN,
    ACCOUNT_NOT_FOUND,
    CURRENCY_MISMATCH,
    INSUFFICIENT_FUNDS,
    Kind,
    Problem,
)
from chalicelib.ledger.chart import AccountStatus, has_floor
from chalicelib.ledger.entry import Leg
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.facts import AccountFacts, Beliefs
from chalicelib.store.keys import balance_key
from chalicelib.store.port import AtLeast, Authorised, Condition, Equals, Item, OneOf, Update
from chalicelib.store.schema import BALANCE

_DEBIT: Final = (AccountStatus.OPEN.value,)
_CREDIT: Final = (AccountStatus.OPEN.value, AccountStatus.FROZEN.value)
_RELEASE: Final = (*_CREDIT, AccountStatus.CLOSED.value)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a movement: the field that named the account, and whose authority the leg needs.

    `authority` is the principal that must own the account or hold its mandate; None asks nobody (credits,
    and operators where the operation lets them). `unauthorised` is what others are told. `debited` says that money
    is taken from the account although its leg, into which several movements were folded, may not show it.
    """

    param: str
    authority: str | None = None
    unauthorised: Kind = ACCOUNT_NOT_FOUND
    debited: bool = False

    def refusal(self, kind: Kind, detail: str, _: Item | None) -> Problem:
        """Return the refusal of this side; the balance item as it was may help to say what is to blame."""
        return Problem(kind, detail, param=self.param)


def posting(tenant: str, leg: Leg, side: Side, commit_key: str, beliefs: Beliefs) -> Effect:
    """Return the update of one balance item for one leg; where the beliefs about the account were wrong, they learn."""
    facts = None if has_floor(leg.account) else beliefs.now(leg.account)
    add = {"p": leg.posted_minor, "h": leg.held_minor, "q": 1}
    if has_floor(leg.account):
        add["f"] = leg.spendable_minor
    write = Update(
        balance_key(tenant, leg.account, leg.slice_number),
        set={"lc": commit_key},
        add={name: number for name, number in add.items() if number},
        when=tuple(_conditions(leg, side, facts)),
    )

    def explain(item: Item | None) -> Problem | Stale:
        if facts and beliefs.were_wrong(leg.account, leg.slice_number, item, facts.revision):
            return Stale()
        return _explain(leg, side, item)

    return Effect(write, explain)


def examine(leg: Leg, side: Side, item: Item | None) -> Problem | None:
    """Return what a credit leg would be refused for, judging by the balance item alone; None if nothing."""
    assert leg.spendable_minor > 0, "only a credit can be judged without its funds"
    allowed = item is not None and (side.authority is None or authorised(item, side.authority))
    if item and allowed and item["c"] == leg.currency and item["s"] in _statuses(leg, side):
        return None
    return _explain(leg, side, item)


def spendable_minor(item: Item) -> int:
    """Return what a debit may take of a balance item that limits its debits."""
    if "f" in item:
        return cast("int", item["f"])
    return cast("int", item["p"]) + cast("int", item["nl"])


def _conditions(leg: Leg, side: Side, facts: AccountFacts | None) -> list[Condition]:
    conditions: list[Condition] = [
        Equals("c", leg.currency),
        OneOf("s", _statuses(leg, side)),
    ]
    if facts is not None:
        conditions.append(Equals("r", facts.revision))
    if side.authority is not None:
        conditions.append(Authorised(side.authority))
    if facts is None and leg.spendable_minor < 0:
        conditions.append(AtLeast("f", -leg.spendable_minor))
    if facts and facts.negative_limit_minor is not None and leg.spendable_minor < 0:
        conditions.append(AtLeast("p", -leg.spendable_minor - facts.negative_limit_minor))
    if leg.held_minor < 0:
        conditions.append(AtLeast("h", -leg.held_minor))
    conditions.append(BALANCE.readable)
    return conditions


def _statuses(leg: Leg, side: Side) -> tuple[str, ...]:
    """A new debit or hold needs an open account; posting a hold keeps a promise made while it was open.

    Only a release may reach a closed account: a credit that a fee takes whole is still a credit.
    """
    if leg.spendable_minor < 0 or side.debited:
        return _DEBIT
    return _RELEASE if leg.held_minor < 0 and not leg.posted_minor else _CREDIT


def _explain(leg: Leg, side: Side, item: Item | None) -> Problem:
    kind, detail = _cause(leg, side, item)
    return side.refusal(kind, detail, item)


def _cause(leg: Leg, side: Side, item: Item | None) -> tuple[Kind, str]:
    if item is None:
        return ACCOUNT_NOT_FOUND, f"There is no account {leg.account}."
    BALANCE.require(item)
    if side.authority is not None and not authorised(item, side.authority):
        return side.unauthorised, _unauthorised_detail(leg, side)
    if item["c"] != leg.currency:
        return CURRENCY_MISMATCH, f"Account {leg.account} is kept in {cast('str', item['c'])}."
    if item["s"] == AccountStatus.CLOSED.value:
        return ACCOUNT_CLOSED, f"Account {leg.account} is closed."
    if item["s"] not in _statuses(leg, side):
        return ACCOUNT_FROZEN, f"Account {leg.account} is frozen."
    held_enough = cast("int", item["h"]) >= -leg.held_minor
    assert held_enough, f"{leg.account} holds less than the ledger promised"
    return INSUFFICIENT_FUNDS, f"Account {leg.account} cannot spend {-leg.spendable_minor}."


def authorised(item: Item, principal: str) -> bool:
    """Tell whether the principal owns the balance's account or holds its mandate."""
    BALANCE.require(item)
    mandates = cast("frozenset[str]", item.get("m", frozenset()))
    return item["o"] == principal or principal in mandates


def _unauthorised_detail(leg: Leg, side: Side) -> str:
    """Word a hidden account exactly as a missing one: the answers may not differ."""
    if side.unauthorised is ACCOUNT_NOT_FOUND:
        return f"There is no account {leg.account}."
    return f"Account {leg.account} may be debited only by its owner."
