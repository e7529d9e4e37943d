"""Which balance a reader asks for: the present one, one of an instant, or one after an entry."""

import re
from typing import Final

from chalicelib.kernel.clock import from_rfc3339
from chalicelib.kernel.problems import INVALID_REQUEST, Problem
from chalicelib.web.request import Request

_SEQUENCE: Final = re.compile(r"0|[1-9][0-9]{0,11}")


def asked_instant(request: Request, now_at: int) -> int | None:
    """Return the instant (ms) of `at`, None if it is not given; raise 400 unless it is RFC 3339 and past."""
    text = _single(request, "at")
    if text is None:
        return None
    at = from_rfc3339(text)
    if at is None or at > now_at:
        raise Problem(INVALID_REQUEST, "at must be an instant of the past, such as 2026-11-23T09:00:00Z.", param="at")
    return at


def asked_sequence(request: Request, slices: int) -> int | None:
    """Return `sequence`, None if it is not given; raise 400 where an account has no single sequence."""
    text = _single(request, "sequence")
    if text is None:
        return None
    if not _SEQUENCE.fullmatch(text):
        raise Problem(INVALID_REQUEST, "sequence must be a whole number from 0.", param="sequence")
    if slices > 1:
        detail = "This account has several slices, each with a sequence of its own: ask by at."
        raise Problem(INVALID_REQUEST, detail, param="sequence")
    return int(text)


def refuse_other_questions(request: Request) -> None:
    """Raise 400 for any other parameter, and for both at once."""
    unknown = request.query.keys() - {"at", "sequence"}
    if unknown or len(request.query) > 1:
        name = min(unknown or request.query)[:64]
        raise Problem(INVALID_REQUEST, "A balance is asked for by at or by sequence.", param=name)


def _single(request: Request, name: str) -> str | None:
    values = request.query.get(name)
    if values is None:
        return None
    if len(values) != 1:
        raise Problem(INVALID_REQUEST, f"{name} may be given once.", param=name)
    return values[0]
