"""docs/ledger.md shows the entries that the operations make, and says which test holds which rule."""

import pytest

from tests.docs.pages import page, quoted_places, section, table_rows
from tests.docs.worked_entries import EXAMPLES, Example
from tests.law.source import ROOT

PAGE = "docs/ledger.md"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_entry_is_as_shown(example: Example) -> None:
    wanted = example.table()
    shown = [line for line in section(page(PAGE), example.title).splitlines() if line.startswith("|")]
    assert "\n".join(shown) == wanted, f"## {example.title}\n\n{wanted}"


def test_every_entry_that_is_shown_is_run() -> None:
    worked = page(PAGE).split("## The rules")[0]
    titles = [line.removeprefix("### ") for line in worked.splitlines() if line.startswith("### ")]
    assert titles == [example.title for example in EXAMPLES]


def test_there_are_eleven_rules_and_each_names_a_test_that_is_there() -> None:
    rows = table_rows(page(PAGE), "rule")
    assert [row[0].split()[0] for row in rows] == [str(number) for number in range(1, 12)]
    for rule, _, where in rows:
        places = list(quoted_places(where))
        assert places or "10 " in rule, rule
        assert all((ROOT / place).exists() for place in places), places
