"""Files and functions that fit into a head, and names that say what is in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from statistics import median

import pytest

from tests.law.source import PRODUCT, Function, Source, product, sources

FILE_LINES = 400
FUNCTION_LINES = 60
MEDIAN_LINES = 10
LONG_LINES = 30
LONG_SHARE = 0.05

EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|commons?|managers?|bases?|services?|misc)(_|$)")
"""A name that fits everything says nothing: name the thing, or the room it belongs to."""


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _broken(source: Source) -> Iterator[str]:
    if source.length > FILE_LINES:
        yield f"{source.path}: {source.length} lines: a room that wants a second room"
    functions = source.functions() if source.within(PRODUCT) else ()  # a test may hold a whole document
    for function in functions:
        if _length(function) > FUNCTION_LINES:
            yield f"{source.path}:{function.lineno}: {function.name} has {_length(function)} lines: name its parts"
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if EMPTY_NAMES.search(part):
            yield f"{source.path}: {part!r} fits everything: say what it holds"
    if source.text.strip() and not (ast.get_docstring(source.tree) or "").strip():
        yield f"{source.path}: open with one sentence that says what it is"


def test_everything_fits_and_is_named() -> None:
    broken = [line for source in sources() for line in _broken(source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("chalicelib/web/planted.py", '"""It."""\n' * (FILE_LINES + 1), "second room"),
        ("infra/planted.py", '"""It."""\ndef f():\n' + "    x = 1\n" * FUNCTION_LINES, "name its parts"),
        ("chalicelib/web/utils.py", '"""It."""\n', "fits everything"),
        ("chalicelib/helpers/page.py", '"""It."""\n', "fits everything"),
        ("infra/base_stack.py", '"""It."""\n', "fits everything"),
        ("emulator/planted.py", "x = 1\n", "one sentence"),
    ],
)
def test_it_can_be_broken(path: str, text: str, said: str) -> None:
    assert [line for line in _broken(Source(path, text)) if said in line]


def test_most_functions_are_short() -> None:
    lengths = [_length(function) for source in product() for function in source.functions()]
    assert median(lengths) <= MEDIAN_LINES
    long = sum(length > LONG_LINES for length in lengths)
    assert long <= LONG_SHARE * len(lengths), f"{long} of {len(lengths)} functions have more than {LONG_LINES} lines"
