"""docs/data-model.md has every item that the operations store, as it is, and what each operation costs."""

import re

import pytest

from chalicelib.kernel.ids import SHARDS
from tests.docs.pages import page, quoted, section, table_rows
from tests.docs.stored_items import attributes, measured, stored, weights, writers
from tests.docs.worked_entries import markdown
from tests.unit.store.test_costs import COSTS

PAGE = "docs/data-model.md"
KINDS = sorted(stored())
HEAD = ("operation", "reads", "write units", "written", "projected")


def _items() -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table_rows(page(PAGE), "item")}


def _pattern(shown: str) -> re.Pattern[str]:
    """Turn a key as it is shown into what matches it: names in angle brackets stand for anything."""
    return re.compile(
        "".join(".+" if part.startswith("<") else re.escape(part) for part in re.split("(<[^>]+>)", shown))
    )


def test_every_item_that_is_stored_is_shown() -> None:
    assert sorted(_items()) == KINDS


def test_there_are_as_many_shards_as_is_said() -> None:
    assert f" {len(SHARDS)} partitions" in page(PAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_lives_where_it_is_said(kind: str) -> None:
    table, pk, *sort_keys = (list(quoted(cell)) for cell in _items()[kind][:3])
    for key, _ in stored()[kind]:
        assert [key.table] == table
        assert _pattern(pk[0]).fullmatch(key.pk), key
        assert any(_pattern(sk).fullmatch(key.sk) for sk in sort_keys[0]), key


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_written_by_whom_it_is_said(kind: str) -> None:
    assert set(_items()[kind][3].split(", ")) == writers(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_weighs_what_is_said(kind: str) -> None:
    """But for a twentieth: how far an answer is squeezed is the compressor's affair."""
    said = tuple(int(cell) for cell in _items()[kind][4:])
    assert said == pytest.approx(weights(kind), rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_item_has_the_number_of_its_shape(kind: str) -> None:
    assert all(isinstance(item["sc"], int) for _, item in stored()[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_attributes_of_an_item_are_those_shown(kind: str) -> None:
    rows = table_rows(section(page(PAGE), kind), "attribute")
    assert {name for row in rows for name in quoted(row[0])} == attributes(kind)


def test_the_costs_are_those_of_the_operations() -> None:
    wanted = [one.row for one in measured()]
    assert table_rows(page(PAGE), "operation") == wanted, markdown(HEAD, wanted)


def test_the_costs_are_those_that_are_promised() -> None:
    found = {f"{one.operation.name} {one.operation.how}".strip(): one for one in measured()}
    for name, cost in COSTS.items():
        assert (found[name].reads, found[name].write_units) == (cost.reads, cost.write_units), name
