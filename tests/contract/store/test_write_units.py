"""Our sizes against what the engines say they consumed, around every kilobyte; moto says nothing of it."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.store.codec import encode_transaction
from chalicelib.store.port import Item, Key, Put, Update, Value, Write
from chalicelib.store.sizes import item_bytes, write_units
from tests.contract.places import TABLES, lean_wire

MakeKey = Callable[..., Key]


def _consumed(url: str, writes: list[Write], token: str) -> float:
    body = encode_transaction(writes, token, TABLES) | {"ReturnConsumedCapacity": "TOTAL"}
    answer = lean_wire(url).call("TransactWriteItems", body, 10.0)
    return sum(float(table["CapacityUnits"]) for table in answer["ConsumedCapacity"])


def _padded(key: Key, extra: dict[str, Value], size: int) -> tuple[dict[str, Value], Item]:
    """Attributes whose item weighs exactly `size` bytes."""
    bare = item_bytes({"pk": key.pk, "sk": key.sk, "pad": "", **extra})
    attributes: dict[str, Value] = {**extra, "pad": "x" * (size - bare)}
    return attributes, {"pk": key.pk, "sk": key.sk, **attributes}


EXTRAS: list[dict[str, Value]] = [
    {},
    {"n": 123456789, "negative": -5, "zero": 0, "round": 10**20},
    {"flag": True, "none": None, "raw": b"\x00" * 100},
    {"legs": [{"a": "acct_1", "n": -1}, {"a": "acct_2", "n": 1}], "m": frozenset({"one", "two"})},
]


@pytest.mark.parametrize("size", [500, 1023, 1024, 1025, 2048, 2049])
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: "+".join(extra) or "text only")
def test_a_put_costs_what_the_engine_says(
    weighing_url: str, key: MakeKey, token: Callable[[], str], extra: dict[str, Value], size: int
) -> None:
    attributes, item = _padded(key("a"), extra, size)
    assert item_bytes(item) == size
    assert _consumed(weighing_url, [Put(key("a"), attributes)], token()) == write_units(None, item)


def test_the_heavier_image_of_an_update_is_billed(weighing_url: str, key: MakeKey, token: Callable[[], str]) -> None:
    attributes, item = _padded(key("a"), {}, 3000)
    _consumed(weighing_url, [Put(key("a"), attributes)], token())
    lighter = {name: value for name, value in item.items() if name != "pad"}
    assert _consumed(weighing_url, [Update(key("a"), remove=("pad",))], token()) == write_units(item, lighter) == 6


def test_a_payment_costs_eight_units(weighing_url: str, key: MakeKey, token: Callable[[], str]) -> None:
    writes: list[Write] = [
        Put(key("c/1", "commits"), {"answer": b"\xff" * 300}),
        Put(key("p"), {"status": "captured", "amount": 1}),
        Update(key("payer"), add={"posted": -1}),
        Update(key("payee"), add={"posted": 1}),
    ]
    assert _consumed(weighing_url, writes, token()) == 8


numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.integers(0, 36).map(lambda power: 10**power)


@pytest.mark.parametrize("value", [120, 45_000, -67_000])
def test_a_number_weighs_a_byte_for_two_significant_digits_and_one_more(
    weighing_url: str, key: MakeKey, token: Callable[[], str], value: int
) -> None:
    attributes, _ = _padded(key("a"), {"n": value}, 1024)
    assert _consumed(weighing_url, [Put(key("a"), attributes)], token()) == 2


def test_numbers_weigh_what_the_engine_says(dynoxide_url: str, key: MakeKey, token: Callable[[], str]) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(numbers, min_size=1, max_size=8))
    def check(values: list[int]) -> None:
        extra: dict[str, Value] = {f"n{place}": value for place, value in enumerate(values)}
        for size, units in ((1024, 2), (1025, 4)):
            attributes, _ = _padded(key("a"), extra, size)
            fresh = key(f"{size}-{token()}")
            moved = {**attributes, "pad": str(attributes["pad"])[: len(str(attributes["pad"])) - len(fresh.sk) + 1]}
            assert _consumed(dynoxide_url, [Put(fresh, moved)], token()) == units, values

    check()
