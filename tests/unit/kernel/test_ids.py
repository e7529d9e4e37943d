"""Ids sort by time, carry their shard, and are told apart from anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.ids import SHARDS, SystemChance, is_id, new_id, shard_of
from tests.doubles.time_and_chance import START_AT, SeededChance

INSTANTS = st.integers(0, 2**48 - 1)


@given(INSTANTS, INSTANTS, st.integers())
def test_ids_sort_by_time(one_at: int, other_at: int, seed: int) -> None:
    chance = SeededChance(seed)
    one, other = new_id("pay", one_at, chance), new_id("pay", other_at, chance)
    if one_at != other_at:
        assert (one < other) == (one_at < other_at)


def test_every_shard_is_used_and_is_the_last_character() -> None:
    chance = SeededChance()
    ids = [new_id("pay", START_AT, chance) for _ in range(200)]
    assert {identifier[-1] for identifier in ids} == set(SHARDS)
    assert all(shard_of(identifier) == identifier[-1] for identifier in ids)
    assert len(set(ids)) == len(ids)


def test_the_layout_is_fixed() -> None:
    identifier = new_id("acct", START_AT, SeededChance(1), tag="w")
    assert len(identifier) == len("acct_") + 10 + 16 + 1 + 1
    assert identifier[-2] == "w"
    assert new_id("pay", 0, SeededChance()).startswith("pay_0000000000")


@given(INSTANTS, st.sampled_from(["", "w", "x"]), st.integers())
def test_a_made_id_is_an_id(at: int, tag: str, seed: int) -> None:
    identifier = new_id("acct", at, SeededChance(seed), tag=tag)
    assert is_id(identifier, "acct", tags="wx" if tag else "")
    assert not is_id(identifier, "pay", tags="wx" if tag else "")


GOOD = "pay_" + "0" * 26 + "0"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay",
        "pay_",
        GOOD[:-1],
        GOOD + "0",
        GOOD[:-1] + "8",  # no such shard
        GOOD[:-1] + "w",
        GOOD.replace("0", "O"),
        GOOD.upper(),
        GOOD[:10] + "i" + GOOD[11:],  # not in Crockford's alphabet
        GOOD[:10] + "#" + GOOD[11:],
        GOOD[:10] + "٠" + GOOD[11:],  # a digit, but not an ASCII one
        GOOD + "\n",
        " " + GOOD,
    ],
)
def test_what_is_no_id(text: str) -> None:
    assert is_id(GOOD, "pay")
    assert not is_id(text, "pay")


def test_a_tag_must_be_one_of_the_known() -> None:
    assert is_id("acct_" + "0" * 26 + "w0", "acct", tags="wm")
    assert not is_id("acct_" + "0" * 26 + "q0", "acct", tags="wm")
    assert not is_id("acct_" + "0" * 26 + "0", "acct", tags="wm")


def test_the_systems_chance_stays_within_its_bounds() -> None:
    chance = SystemChance()
    assert all(0 <= chance.bits(80) < 2**80 for _ in range(50))
    assert {chance.below(3) for _ in range(200)} == {0, 1, 2}
    assert all(0.0 <= chance.fraction() < 1.0 for _ in range(50))
