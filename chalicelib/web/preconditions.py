"""The headers that make a write safe to repeat: Idempotency-Key, If-Match, and what makes two requests the same."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from chalicelib.kernel.cards import holds_card_number
from chalicelib.kernel.problems import (
    IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_MISSING,
    IF_MATCH_INVALID,
    Problem,
)
from chalicelib.web.request import Request

_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")
_ENTITY_TAG: Final = re.compile(r'"(0|[1-9][0-9]{0,15})"')


def idempotency_key(request: Request) -> str:
    """Return the client's key without its quotes; raise 400 when it is missing, doubled or not usable.

    Quoted and bare are one key: the draft (draft-ietf-httpapi-idempotency-key-header-07) makes it a
    structured string, most clients send it bare.
    """
    values = request.headers.get("idempotency-key", ())
    if not values:
        raise Problem(IDEMPOTENCY_KEY_MISSING, "This request needs a key.", param="Idempotency-Key")
    key = values[0]
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(values) > 1 or not _KEY.fullmatch(key):
        raise Problem(
            IDEMPOTENCY_KEY_INVALID,
            "The key must be one value of 1 to 255 printable ASCII characters.",
            param="Idempotency-Key",
        )
    if holds_card_number(key):
        raise Problem(IDEMPOTENCY_KEY_INVALID, "The key looks like a card number.", param="Idempotency-Key")
    return key


def if_match(request: Request) -> int | None:
    """Return the version a caller insists on, None if it does not; raise 400 for anything but one tag."""
    values = request.headers.get("if-match")
    if values is None:
        return None
    tag = _ENTITY_TAG.fullmatch(values[0].strip()) if len(values) == 1 else None
    if tag is None:
        raise Problem(IF_MATCH_INVALID, 'If-Match must be one tag such as "3".', param="If-Match")
    return int(tag[1])


def fingerprint(request: Request, principal: str, body: Mapping[str, Any]) -> bytes:
    """Return what makes two requests the same: principal, route, path parameters and canonical body (SHA-256).

    If-Match is left out: a client that repeats its request without it means the same request. The
    principal is in, so that a key learnt by another principal replays nothing to it.
    """
    canonical = orjson.dumps([dict(request.path_parameters), body], option=orjson.OPT_SORT_KEYS)
    head = f"{principal}\n{request.method}\n{request.resource}\n".encode()
    return sha256(head + canonical).digest()
