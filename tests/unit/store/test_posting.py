"""A leg as one conditional update: each status against each movement, authority, currency and funds."""

from typing import Any

import pytest

from chalicelib.kernel.problems import FORBIDDEN, Problem
from chalicelib.ledger.entry import Leg
from chalicelib.store.facts import Beliefs
from chalicelib.store.port import Item, Update
from chalicelib.store.posting import Side, examine, posting
from tests.doubles.memory_dynamo import holds

WALLET = "acct_" + "0" * 26 + "w0"
MERCHANT = "acct_" + "0" * 26 + "m0"
MINE = Side("payer", authority="prn_me")
ANYBODY = Side("payee")
PASSING_ON = Side("payer", authority="prn_me", debited=True)


def _item(**changes: Any) -> Item:
    return {"o": "prn_me", "c": "USD", "s": "open", "p": 100, "h": 50, "f": 50, "q": 4, "r": 1, **changes}


def _refusal(leg: Leg, side: Side, item: Item | None) -> str | None:
    """The code of the refusal, None if the update would be done; the condition and the reason must agree."""
    effect = posting("t", leg, side, "c/k", Beliefs())
    if all(holds(condition, item) for condition in effect.write.when):
        return None
    problem = effect.explain(item)
    assert isinstance(problem, Problem)
    assert problem.param == side.param
    return problem.kind.code


DEBIT = Leg(WALLET, 0, "USD", posted_minor=-10)
HOLD = Leg(WALLET, 0, "USD", held_minor=10)
POST = Leg(WALLET, 0, "USD", posted_minor=-10, held_minor=-10)
POST_AND_RELEASE = Leg(WALLET, 0, "USD", posted_minor=-10, held_minor=-30)
RELEASE = Leg(WALLET, 0, "USD", held_minor=-10)
CREDIT = Leg(WALLET, 0, "USD", posted_minor=10)

STATUSES = [
    # leg, side, open, frozen, closed
    (DEBIT, MINE, None, "account_frozen", "account_closed"),
    (HOLD, MINE, None, "account_frozen", "account_closed"),
    (POST, ANYBODY, None, None, "account_closed"),
    (POST_AND_RELEASE, ANYBODY, None, None, "account_closed"),
    (RELEASE, ANYBODY, None, None, None),
    (CREDIT, ANYBODY, None, None, "account_closed"),
    (Leg(MERCHANT, 0, "USD", posted_minor=-10), MINE, None, "account_frozen", "account_closed"),
    # Folded from a credit and the fee that takes the whole of it.
    (Leg(MERCHANT, 0, "USD"), ANYBODY, None, None, "account_closed"),
    # Folded from a credit and a debit of another transfer: the freeze stops the debit whatever the sum is.
    (Leg(WALLET, 0, "USD", posted_minor=20), PASSING_ON, None, "account_frozen", "account_closed"),
    (Leg(WALLET, 0, "USD"), PASSING_ON, None, "account_frozen", "account_closed"),
]


@pytest.mark.parametrize(
    "row", STATUSES, ids=lambda row: f"{row[0].account[-2]} {row[0].posted_minor} {row[0].held_minor}"
)
def test_every_status_against_every_movement(row: tuple[Any, ...]) -> None:
    leg, side, *expected = row
    found = [_refusal(leg, side, _item(s=status)) for status in ("open", "frozen", "closed")]
    assert found == expected


@pytest.mark.parametrize(
    ("leg", "spendable", "refusal"),
    [
        (DEBIT, 10, None),
        (DEBIT, 9, "insufficient_funds"),
        (HOLD, 10, None),
        (HOLD, 9, "insufficient_funds"),
        (POST, 0, None),
        (RELEASE, 0, None),
        (CREDIT, 0, None),
    ],
)
def test_funds(leg: Leg, spendable: int, refusal: str | None) -> None:
    assert _refusal(leg, ANYBODY, _item(f=spendable)) == refusal


def test_no_floor_no_funds_asked() -> None:
    assert _refusal(Leg(MERCHANT, 0, "USD", posted_minor=-(10**15)), MINE, _item(p=0, h=0)) is None


def test_more_than_is_held_cannot_be_released_by_mistake() -> None:
    with pytest.raises(AssertionError):
        _refusal(Leg(WALLET, 0, "USD", held_minor=-51), ANYBODY, _item())


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"o": "prn_you"}, "account_not_found"),
        ({"o": "prn_you", "m": frozenset({"prn_me", "prn_they"})}, None),
        ({"o": "prn_you", "m": frozenset({"prn_me2"})}, "account_not_found"),
    ],
)
def test_authority(changes: dict[str, Any], refusal: str | None) -> None:
    assert _refusal(DEBIT, MINE, _item(**changes)) == refusal


@pytest.mark.parametrize("changes", [{"s": "frozen"}, {"s": "closed"}, {"c": "EUR"}, {"f": 0}])
def test_somebody_elses_account_says_nothing_of_itself(changes: dict[str, Any]) -> None:
    """Whatever is wrong with it, the answer is a missing account's, word for word."""
    effect = posting("t", DEBIT, MINE, "c/k", Beliefs())
    missing, hidden = effect.explain(None), effect.explain(_item(o="prn_you", **changes))
    assert isinstance(missing, Problem)
    assert isinstance(hidden, Problem)
    assert (missing.kind, missing.detail, missing.param) == (hidden.kind, hidden.detail, hidden.param)


def test_an_account_that_is_known_anyway_is_forbidden() -> None:
    side = Side("payment", "prn_me", unauthorised=FORBIDDEN)
    assert _refusal(DEBIT, side, _item(o="prn_you")) == "forbidden"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"c": "EUR", "s": "frozen", "f": 0}, "currency_mismatch"), ({"s": "frozen", "f": 0}, "account_frozen")],
)
def test_the_first_cause_is_named(changes: dict[str, Any], refusal: str) -> None:
    assert _refusal(DEBIT, MINE, _item(**changes)) == refusal


def test_what_the_update_changes() -> None:
    assert posting("t", POST_AND_RELEASE, ANYBODY, "c/k", Beliefs()).write == Update(
        posting("t", POST, ANYBODY, "c/k", Beliefs()).write.key,
        set={"lc": "c/k"},
        add={"p": -10, "h": -30, "f": 20, "q": 1},
        when=posting("t", POST_AND_RELEASE, ANYBODY, "c/k", Beliefs()).write.when,
    )
    merchant = posting("t", Leg(MERCHANT, 2, "USD", posted_minor=5), ANYBODY, "c/k", Beliefs()).write
    assert isinstance(merchant, Update)
    assert merchant.add == {"p": 5, "q": 1}


@pytest.mark.parametrize(
    ("item", "refusal"),
    [
        (_item(), None),
        (_item(s="frozen"), None),
        (None, "account_not_found"),
        (_item(s="closed"), "account_closed"),
        (_item(c="EUR"), "currency_mismatch"),
    ],
)
def test_examining_a_credit(item: Item | None, refusal: str | None) -> None:
    problem = examine(CREDIT, ANYBODY, item)
    assert (problem and problem.kind.code) == refusal


@pytest.mark.parametrize(
    ("item", "refusal"),
    [
        (_item(), None),
        (_item(s="frozen"), None),
        (_item(o="prn_other", m=frozenset({"prn_me"})), None),
        (_item(o="prn_other"), "account_not_found"),
        (_item(s="closed"), "account_closed"),
        (None, "account_not_found"),
    ],
    ids=["own", "frozen", "mandate", "somebody else's", "closed", "missing"],
)
def test_examining_what_is_debited_later(item: Item | None, refusal: str | None) -> None:
    problem = examine(CREDIT, MINE, item)
    assert (problem and problem.kind.code) == refusal
