"""Pages merged from the shards, and balances summed over the slices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.ids import SHARDS
from chalicelib.kernel.page import Window
from chalicelib.store import read
from chalicelib.store.keys import balance_key, state_key
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.small_ledger import TENANT, SmallLedger

NUMBERS = st.lists(st.tuples(st.integers(0, 999), st.sampled_from(SHARDS)), unique=True, max_size=25)


def _id(number: int, shard: str) -> str:
    return f"pay_{number:03d}{shard}"


def _filled(rows: list[tuple[int, str]]) -> tuple[FaultyDynamo, list[str]]:
    store = FaultyDynamo()
    ids = [_id(*row) for row in rows]
    for identifier in ids:
        store.inner.seed(state_key("t", "payment", identifier), {})
        store.inner.seed(state_key("other", "payment", identifier), {})
        store.inner.seed(state_key("t", "refund", identifier), {})
    return store, sorted(ids, reverse=True)


def _page(store: FaultyDynamo, window: Window) -> tuple[list[str], bool]:
    page = read.page(store, "t", "payment", window)
    return [str(row["sk"]) for row in page.rows], page.has_more


@given(NUMBERS, st.integers(1, 30))
def test_going_forward_shows_everything_once(rows: list[tuple[int, str]], limit: int) -> None:
    store, newest_first = _filled(rows)
    seen, has_more, cursor = [], True, None
    while has_more:
        found, has_more = _page(store, Window(limit, starting_after=cursor))
        assert len(found) <= limit
        assert not has_more or len(found) == limit
        seen += found
        cursor = found[-1] if found else None
    assert seen == newest_first


@given(NUMBERS.filter(bool), st.integers(1, 30))
def test_going_back_shows_everything_once(rows: list[tuple[int, str]], limit: int) -> None:
    store, newest_first = _filled(rows)
    cursor = newest_first[-1]
    seen, has_more = [cursor], True
    while has_more:
        found, has_more = _page(store, Window(limit, ending_before=cursor))
        assert found == sorted(found, reverse=True), "newest first, in both directions"
        assert not has_more or len(found) == limit
        seen = found + seen
        cursor = found[0] if found else cursor
    assert seen == newest_first


def test_a_page_asks_every_shard_once() -> None:
    store, _ = _filled([(number, shard) for number, shard in enumerate(SHARDS * 5)])
    _page(store, Window(3))
    assert store.round_trips == {"query": len(SHARDS)}


def test_a_page_of_what_one_owns() -> None:
    ledger = SmallLedger()
    page = read.owned_page(ledger.store, TENANT, "prn_alice", Window(10))
    assert [row["sk"] for row in page.rows] == [ledger.alice]


def test_a_balance_is_the_sum_of_its_slices() -> None:
    account = "acct_" + "0" * 26 + "m5"
    store = FaultyDynamo()
    for number in range(4):
        store.inner.seed(balance_key("t", account, number), {"p": 10**number, "h": number})
    assert read.balance(store, "t", account, 4) == read.Balance(1111, 6)
    assert store.round_trips == {"get": 4}


def test_what_a_floor_lets_spend_is_what_is_stored() -> None:
    account = "acct_" + "0" * 26 + "w5"
    store = FaultyDynamo()
    store.inner.seed(balance_key("t", account, 0), {"p": 100, "h": 30, "f": 75})
    assert read.balance(store, "t", account, 1) == read.Balance(100, 30, 75)


def test_an_account_without_its_balance_cannot_be() -> None:
    with pytest.raises(AssertionError):
        read.balance(FaultyDynamo(), "t", "acct_" + "0" * 26 + "w5", 1)
