"""Which part of a list a query asks for."""

import re
from collections.abc import Callable, Mapping

from chalicelib.kernel.page import DEFAULT_LIMIT, MAXIMUM_LIMIT, Window
from chalicelib.kernel.problems import INVALID_CURSOR, INVALID_REQUEST, Problem
from chalicelib.web.request import Request


def window(request: Request, is_cursor: Callable[[str], bool]) -> Window:
    """Return the part of the list that is asked for; any other parameter is refused, never ignored."""
    single = {name: _single(name, values) for name, values in request.query.items()}
    unknown = single.keys() - {"limit", "starting_after", "ending_before"}
    if unknown:
        raise _bad_query(min(unknown), "is not a parameter of this list")
    if "starting_after" in single and "ending_before" in single:
        raise _bad_query("ending_before", "cannot stand beside starting_after")
    for name in ("starting_after", "ending_before"):
        if name in single and not is_cursor(single[name]):
            raise Problem(INVALID_CURSOR, f"{name} must be the id of an object of this list.", param=name)
    return Window(_limit(single), single.get("starting_after"), single.get("ending_before"))


def _single(name: str, values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise _bad_query(name, "may be given once")
    return values[0]


def _limit(single: Mapping[str, str]) -> int:
    text = single.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[1-9][0-9]{0,2}", text) or int(text) > MAXIMUM_LIMIT:
        raise _bad_query("limit", f"must be a whole number from 1 to {MAXIMUM_LIMIT}")
    return int(text)


def _bad_query(name: str, detail: str) -> Problem:
    return Problem(INVALID_REQUEST, f"{name[:64]} {detail}.", param=name[:64])
