"""Which part of a list a query asks for."""

import pytest

from chalicelib.kernel.page import Window
from chalicelib.kernel.problems import Problem
from chalicelib.web.paging import window
from chalicelib.web.request import Request


def _ask(**query: tuple[str, ...]) -> Window:
    request = Request("r", "GET", "/", "/", {}, query, {}, b"", None, None)
    return window(request, lambda text: text.startswith("ok"))


def test_nothing_asked() -> None:
    assert _ask() == Window(limit=10)


@pytest.mark.parametrize("limit", [1, 9, 10, 99, 100])
def test_limits(limit: int) -> None:
    assert _ask(limit=(str(limit),)).limit == limit


@pytest.mark.parametrize(
    "limit", ["0", "101", "999", "1000", "-1", "1.0", "1e1", "", " 5", "05", "+5", "٥", "ten", "5\n"]
)
def test_bad_limits(limit: str) -> None:
    with pytest.raises(Problem) as caught:
        _ask(limit=(limit,))
    assert (caught.value.kind.status, caught.value.param) == (400, "limit")


def test_cursors() -> None:
    assert _ask(starting_after=("ok1",)) == Window(10, starting_after="ok1")
    assert _ask(ending_before=("ok1",)) == Window(10, ending_before="ok1")


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
@pytest.mark.parametrize("cursor", ["", "no", "ok"[:1]])
def test_what_is_no_cursor(name: str, cursor: str) -> None:
    with pytest.raises(Problem) as caught:
        _ask(**{name: (cursor,)})
    assert (caught.value.kind.code, caught.value.param) == ("invalid_cursor", name)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"starting_after": ("ok1",), "ending_before": ("ok2",)}, "ending_before"),
        ({"status": ("open",)}, "status"),
        ({"Limit": ("1",)}, "Limit"),
        ({"limit": ("1", "2")}, "limit"),
        ({"starting_after": ("ok1", "ok1")}, "starting_after"),
        ({"x" * 500: ("1",)}, "x" * 64),
    ],
)
def test_other_parameters_are_refused_and_never_ignored(query: dict[str, tuple[str, ...]], param: str) -> None:
    with pytest.raises(Problem) as caught:
        _ask(**query)
    assert (caught.value.kind.code, caught.value.param) == ("invalid_request", param)
