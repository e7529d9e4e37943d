"""Two trees told apart: each place once, in words, with what is there and what should be."""

from typing import Any

import pytest

from infra.deploy.compare import LONGEST_SHOWN, differences


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a is 2 and should be 1"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a: b is missing"]),
        ({"a": {}}, {"a": {"b": 1}}, ["a: b is there and should not be"]),
        (
            {"a": {"b": [1]}, "c": ""},
            {"a": {"b": [2]}, "c": None},
            ["a: b is [2] and should be [1]", "c is None and should be ''"],
        ),
        ({"a": {"b": 1}}, {"a": "text"}, ["a is 'text' and should be {'b': 1}"]),
    ],
)
def test_each_place_is_named(wanted: Any, found: Any, said: list[str]) -> None:
    assert list(differences(wanted, found)) == said


def test_a_place_has_its_name_before_it() -> None:
    assert list(differences({"a": 1}, {}, "stage dev")) == ["stage dev: a is missing"]


def test_of_long_texts_that_part_is_shown_in_which_they_differ() -> None:
    (said,) = differences({"a": "x" * 500 + "wanted"}, {"a": "x" * 500 + "found"})
    assert "found" in said
    assert "wanted" in said
    assert len(said) < 2 * LONGEST_SHOWN + 60
    (said,) = differences({"a": "wanted" + "x" * 500}, {"a": "found" + "x" * 500})
    assert "'foundx" in said
    assert "x... and should be 'wantedx" in said


def test_a_text_that_only_goes_on_is_told_apart() -> None:
    (said,) = differences({"a": "x" * 300}, {"a": "x" * 300 + "more"})
    assert "more" in said
