"""Ranges of one partition: both orders, ends that are excluded, limits and pages."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.store.port import Dynamo, Item, Key, Put

Commit = Callable[..., None]
MakeKey = Callable[..., Key]

NAMES = ["A", "a", "a1", "a2", "a\x00", "b", "z", "~", "é", "ｚ", "𝄞"]
ORDERED = sorted(NAMES, key=lambda name: name.encode())


def _sks(rows: list[Item]) -> list[str]:
    return [str(row["sk"]) for row in rows]


@pytest.fixture
def filled(store: Dynamo, commit: Commit, key: MakeKey) -> Dynamo:
    commit(*[Put(key(name), {"n": name}) for name in NAMES], Put(Key("ledger", key("").pk + "-other", "a"), {}))
    return store


@pytest.mark.parametrize("consistent", [True, False])
def test_the_newest_come_first_unless_asked_otherwise(filled: Dynamo, pk: str, consistent: bool) -> None:
    assert _sks(filled.query("ledger", pk, limit=50, consistent=consistent)) == ORDERED[::-1]
    assert _sks(filled.query("ledger", pk, limit=50, newest_first=False, consistent=consistent)) == ORDERED


def test_rows_are_whole_items(filled: Dynamo, pk: str) -> None:
    assert filled.query("ledger", pk, limit=1, newest_first=False) == [{"pk": pk, "sk": "A", "n": "A"}]


def test_both_ends_are_excluded(filled: Dynamo, pk: str) -> None:
    assert _sks(filled.query("ledger", pk, limit=50, after="a", before="b", newest_first=False)) == [
        "a\x00",
        "a1",
        "a2",
    ]
    assert (
        _sks(filled.query("ledger", pk, limit=50, after="z", newest_first=False)) == ORDERED[ORDERED.index("z") + 1 :]
    )
    assert _sks(filled.query("ledger", pk, limit=50, before="a", newest_first=False)) == ["A"]


@pytest.mark.parametrize(("after", "before"), [("b", "b"), ("b", "a"), ("a2", "b"), ("𝄞", None), (None, "A")])
def test_an_empty_range_is_empty(filled: Dynamo, pk: str, after: str | None, before: str | None) -> None:
    assert filled.query("ledger", pk, limit=50, after=after, before=before) == []


def test_a_partition_that_is_not_there_is_empty(filled: Dynamo, pk: str) -> None:
    assert filled.query("ledger", f"{pk}-none", limit=5) == []
    assert filled.query("commits", pk, limit=5) == []


def test_pages_follow_one_another_by_their_last_key(filled: Dynamo, pk: str) -> None:
    seen: list[str] = []
    before: str | None = None
    while page := _sks(filled.query("ledger", pk, limit=3, before=before)):
        seen += page
        before = page[-1]
    assert seen == ORDERED[::-1]


def test_every_range_is_the_range_of_a_sorted_list(store: Dynamo, commit: Commit, key: MakeKey, pk: str) -> None:
    commit(*[Put(key(name), {"n": name}) for name in NAMES])
    ends = st.none() | st.sampled_from([*NAMES, "", "a0", "m", "zz"]).filter(bool)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ends, ends, st.integers(1, 13), st.booleans())
    def check(after: str | None, before: str | None, limit: int, newest_first: bool) -> None:
        inside = [
            name
            for name in (ORDERED[::-1] if newest_first else ORDERED)
            if (after is None or name.encode() > after.encode()) and (before is None or name.encode() < before.encode())
        ]
        rows = store.query("ledger", pk, limit=limit, after=after, before=before, newest_first=newest_first)
        assert _sks(rows) == inside[:limit]

    check()


def test_a_limit_is_reached_over_pages_of_one_megabyte(store: Dynamo, commit: Commit, key: MakeKey, pk: str) -> None:
    heavy = "x" * 390_000
    for number in range(6):
        commit(Put(key(str(number)), {"x": heavy}))
    assert _sks(store.query("ledger", pk, limit=6)) == ["5", "4", "3", "2", "1", "0"]
