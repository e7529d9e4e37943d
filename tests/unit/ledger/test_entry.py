"""Entries balance or cannot be built."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.entry import Entry, Leg, fold


@pytest.mark.parametrize(
    "legs",
    [
        (Leg("a", 0, "USD", 1),),
        (Leg("a", 0, "USD", -1), Leg("b", 0, "USD", 2)),
        (Leg("a", 0, "USD", -1), Leg("b", 0, "EUR", 1)),
        (Leg("a", 0, "USD", -1), Leg("b", 0, "USD", 1), Leg("c", 0, "EUR", 5)),
    ],
)
def test_legs_that_do_not_balance(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(AssertionError, match="balance"):
        Entry(legs)


def test_a_balance_is_touched_once() -> None:
    with pytest.raises(AssertionError, match="folded"):
        Entry((Leg("a", 0, "USD", -1), Leg("a", 0, "USD", 1)))


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Leg("a", 0, "USD", held_minor=5),),
        (Leg("a", 0, "USD", -1), Leg("a", 1, "USD", 1)),  # two slices are two balances
        (Leg("a", 0, "USD", -3), Leg("b", 0, "USD", 1), Leg("c", 0, "USD", 2)),
        (Leg("a", 0, "USD", -1), Leg("b", 0, "USD", 1), Leg("c", 0, "JPY", -9), Leg("d", 0, "JPY", 9)),
    ],
)
def test_legs_that_balance(legs: tuple[Leg, ...]) -> None:
    assert Entry(legs).legs == legs


def test_folding_adds_up_posted_and_held() -> None:
    folded = fold((Leg("a", 0, "USD", -5, 2), Leg("b", 0, "USD", 3), Leg("a", 0, "USD", 2, -1)))
    assert folded == Entry((Leg("a", 0, "USD", -3, 1), Leg("b", 0, "USD", 3)))


def test_two_currencies_on_one_balance_cannot_be_folded() -> None:
    with pytest.raises(AssertionError):
        fold((Leg("a", 0, "USD", 1), Leg("a", 0, "EUR", 1), Leg("b", 0, "USD", -1), Leg("b", 0, "EUR", -1)))


amounts = st.integers(-(10**15), 10**15)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1), amounts), max_size=8))
def test_folding_moves_no_money(rows: list[tuple[str, int, int]]) -> None:
    legs = [Leg(account, number, "USD", amount) for account, number, amount in rows]
    rest = Leg("rest", 0, "USD", -sum(leg.posted_minor for leg in legs))
    entry = fold((*legs, rest))
    for account in "abcd":
        before = sum(leg.posted_minor for leg in legs if leg.account == account)
        assert before == sum(leg.posted_minor for leg in entry.legs if leg.account == account)


@pytest.mark.parametrize(("posted", "held", "spendable"), [(5, 0, 5), (0, 5, -5), (-5, -7, 2), (-5, -5, 0)])
def test_spendable_is_posted_less_held(posted: int, held: int, spendable: int) -> None:
    assert Leg("a", 0, "USD", posted, held).spendable_minor == spendable
