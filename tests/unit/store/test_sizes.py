"""Item sizes and units by AWS's published rules."""

import pytest

from chalicelib.store.port import Item, Value
from chalicelib.store.sizes import item_bytes, read_units, value_bytes, write_units


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 0),
        ("abc", 3),
        ("é☃", 5),
        (b"\x00\xff", 2),
        (True, 1),
        (None, 1),
        (0, 1),
        (5, 2),
        (27, 2),
        (-27, 3),
        (461, 3),
        (10_000, 2),
        (10**37, 2),
        (10**38 - 1, 20),
        ([], 3),
        ({}, 3),
        (["a", 5], 3 + 2 + 1 + 2),
        ({"key": "value"}, 3 + 1 + 3 + 5),
        (frozenset({"ab", "c"}), 3),
    ],
)
def test_a_value_weighs_what_aws_says(value: Value, size: int) -> None:
    assert value_bytes(value) == size


def test_names_count() -> None:
    assert item_bytes({"pk": "p", "sk": "s", "é": 5}) == 3 + 3 + 2 + 2


def _weighing(size: int) -> Item:
    return {"pk": "p", "sk": "s", "x": "x" * (size - 7)}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [(None, 10, 2), (None, 1024, 2), (None, 1025, 4), (3000, 10, 6), (3000, None, 6), (None, None, 2)],
)
def test_the_heavier_side_is_billed_twice_in_a_transaction(before: int | None, after: int | None, units: int) -> None:
    images = [None if size is None else _weighing(size) for size in (before, after)]
    assert write_units(images[0], images[1]) == units
    assert write_units(images[0], images[1], transactional=False) == units // 2


@pytest.mark.parametrize(("size", "units"), [(10, 1.0), (4096, 1.0), (4097, 2.0)])
def test_reads_are_billed_by_four_kilobytes(size: int, units: float) -> None:
    assert read_units(_weighing(size)) == units
    assert read_units(_weighing(size), consistent=False) == units / 2


def test_reading_nothing_costs_a_unit() -> None:
    assert read_units(None) == 1.0
