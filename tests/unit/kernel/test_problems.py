"""The catalogue of problems is complete, unique and says what to do."""

import ast
import copy
from http import HTTPStatus
from pathlib import Path

import pytest

from chalicelib.kernel import problems
from chalicelib.kernel.problems import CATALOGUE, Kind, Problem

ROOT = Path(problems.__file__).parents[1]
KINDS = {name: kind for name, kind in vars(problems).items() if isinstance(kind, Kind)}


def test_every_row_has_its_name_and_stands_once() -> None:
    assert {kind.code for kind in KINDS.values()} == CATALOGUE.keys()
    assert all(name == kind.code.upper() for name, kind in KINDS.items())
    with pytest.raises(AssertionError):
        problems._kind(400, "invalid_json", "again", "again")


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE)
def test_a_row(kind: Kind) -> None:
    assert HTTPStatus(kind.status).value >= 400
    assert kind.title
    assert not kind.title.endswith(".")
    assert kind.remedy.endswith(".")
    assert kind.declines == (kind.status == 402), "402 is what is remembered, and nothing else"
    assert (kind.retry_after_seconds is not None) == (kind.status == 503)


def test_every_row_is_raised_somewhere() -> None:
    """A row nobody raises is a promise to callers that is not kept."""
    used = {
        node.id
        for path in ROOT.rglob("*.py")
        if path.name != "problems.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
    }
    assert KINDS.keys() <= used


def test_a_problem_can_be_copied_with_all_it_says() -> None:
    problem = Problem(problems.NOT_FOUND, "gone", param="id", errors=({"param": "id"},), index=3)
    again = copy.copy(problem)
    assert (again.kind, again.detail, again.param, again.errors, again.index) == (
        problem.kind,
        problem.detail,
        problem.param,
        problem.errors,
        problem.index,
    )
