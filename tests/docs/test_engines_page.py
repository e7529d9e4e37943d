"""docs/engines.md has a row for each test of a difference, and in it what the contract suite expects of each engine."""

import inspect

from tests.contract.differences import DIFFERENCES, ENGINES, known
from tests.contract.store import test_differences
from tests.docs.pages import page, table_rows

AS_AWS = "as AWS"


def _phrase(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _tests() -> list[str]:
    """Return those of the file in their order, then those elsewhere that some engine fails."""
    here = [name for name, _ in inspect.getmembers(test_differences, inspect.isfunction) if name.startswith("test_")]
    here.sort(key=lambda name: inspect.getsourcelines(getattr(test_differences, name))[1])
    return [*here, *(name for name in DIFFERENCES if name not in here)]


def test_the_table_is_what_is_tested() -> None:
    wanted = [[_phrase(test), *(known(test, engine) or AS_AWS for engine in ENGINES)] for test in _tests()]
    shown = table_rows(page("docs/engines.md"), "on AWS")
    assert shown == wanted, "\n".join(f"| {' | '.join(row)} |" for row in wanted)
