"""What a posting has to know of an account without a floor: how many slices share its load, its fee and its limit.

Nobody reads it before a posting. An environment believes the defaults of the kind, or what it learnt last, and the
posting's condition holds it to that: every balance item carries the revision of these facts. Where the belief is out of
date, the refused write itself brings the item, and with it the facts; the operation then runs again. So a change of
slices, fee or limit holds for the very next posting, costs one refused write per environment, and nothing otherwise.
"""

from dataclasses import dataclass, field
from typing import Final, cast

from chalicelib.ledger.chart import slices_of
from chalicelib.ledger.fees import Fee
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Dynamo, Item, Value
from chalicelib.store.schema import BALANCE

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The facts as of a revision; 1 is an account as it is opened by default.

    `negative_limit_minor` is how far below zero debits may take the account, None: no matter how far.
    """

    revision: int
    slices: int
    fee: Fee | None = None
    negative_limit_minor: int | None = None


@dataclass(slots=True)
class Beliefs:
    """What this environment believes of accounts, by id; bounded, and safe to forget."""

    _known: dict[str, AccountFacts] = field(default_factory=dict)
    _doubted: set[str] = field(default_factory=set)

    def of(self, dynamo: Dynamo, tenant: str, account: str) -> AccountFacts:
        """Return what is believed; where a slice was posted to that is not there, the account is asked (one read)."""
        if account in self._doubted:
            self._doubted.discard(account)
            item = dynamo.get(balance_key(tenant, account, 0))
            if item is None:
                return AccountFacts(1, 1)  # there is no such account, and its first slice will say so
            self.learn(account, item)
        return self.now(account)

    def now(self, account: str) -> AccountFacts:
        """Return what is believed at this moment, which the posting is conditional on."""
        return self._known.get(account) or default_facts(account)

    def were_wrong(self, account: str, slice_number: int, item: Item | None, revision: int) -> bool:
        """Tell whether a posting failed because its belief was out of date, and learn from it."""
        if item is None and slice_number == 0:
            return False
        wrong = item is None or item.get("r") != revision
        if wrong:
            self.learn(account, item)
        return wrong

    def learn(self, account: str, item: Item | None) -> None:
        """Take over the facts of a balance item; None: a slice was believed in that is not there."""
        if item is None:
            self._doubted.add(account)
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[account] = read_facts(account, item)


def default_facts(account: str) -> AccountFacts:
    """Return the facts of an account that nobody has changed."""
    return AccountFacts(1, slices_of(account))


def read_facts(account: str, item: Item) -> AccountFacts:
    """Decode the facts on a balance item."""
    BALANCE.require(item)
    default = default_facts(account)
    fee = cast("dict[str, int | str] | None", item.get("fe"))
    limit = item.get("nl")
    return AccountFacts(
        revision=cast("int", item.get("r", default.revision)),
        slices=cast("int", item.get("n", default.slices)),
        fee=Fee(int(fee["b"]), int(fee["x"]), str(fee["a"])) if fee else None,
        negative_limit_minor=None if limit is None else cast("int", limit),
    )


def facts_attributes(facts: AccountFacts) -> dict[str, Value]:
    """Return what a balance item carries of the facts."""
    attributes: dict[str, Value] = {"r": facts.revision, "n": facts.slices}
    if facts.fee is not None:
        attributes["fe"] = {"b": facts.fee.basis_points, "x": facts.fee.fixed_minor, "a": facts.fee.account}
    if facts.negative_limit_minor is not None:
        attributes["nl"] = facts.negative_limit_minor
    return attributes
