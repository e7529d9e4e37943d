"""What a function may answer to a proxy integration; anything else is a 502."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from emulator.gateway.context import Exchange, Reply
from emulator.gateway.errors import Refusal

_FIELDS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
# API Gateway speaks for itself in these, and passes the function's own on under another name.
REMAPPED = frozenset(
    {"authorization", "connection", "content-length", "content-md5", "date", "expect", "host", "max-forwards"}
    | {"server", "te", "trailer", "upgrade", "www-authenticate"}
)
_DROPPED = frozenset({"transfer-encoding", "keep-alive"})


class _Malformed(Exception):
    pass


def read_answer(payload: bytes, exchange: Exchange, binary: frozenset[str]) -> Reply:
    """The function's answer as a reply. Refuses with INTEGRATION_FAILURE (502)."""
    try:
        answer = _object(payload)
        return Reply(_status(answer.get("statusCode")), _headers(answer), _body(answer, exchange, binary))
    except (_Malformed, orjson.JSONDecodeError) as error:
        exchange.integration.error = "malformed Lambda proxy response"
        raise Refusal("INTEGRATION_FAILURE", status=502) from error


def _object(payload: bytes) -> dict[str, Any]:
    answer = orjson.loads(payload)
    if not isinstance(answer, dict) or not answer.keys() <= _FIELDS:
        raise _Malformed
    return answer


def _status(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:4])
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise _Malformed
    return value


def _headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """`headers` and `multiValueHeaders` together; where both name a header, only the latter's values count."""
    multi, single = answer.get("multiValueHeaders"), answer.get("headers")
    multi = {} if multi is None else multi
    single = {} if single is None else single
    if not isinstance(multi, dict) or not isinstance(single, dict):
        raise _Malformed
    pairs: list[tuple[str, str]] = []
    several = {name.lower() for name in multi}
    for name, value in single.items():
        if name.lower() not in several:
            _add(pairs, name, value)
    for name, values in multi.items():
        if not isinstance(values, list):
            raise _Malformed
        for value in values:
            _add(pairs, name, value)
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    return pairs


def _add(pairs: list[tuple[str, str]], name: str, value: object) -> None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str) or not _NAME.fullmatch(name) or _UNSAFE_VALUE.search(value):
        raise _Malformed
    small = name.lower()
    if small not in _DROPPED:
        pairs.append((f"x-amzn-Remapped-{name}" if small in REMAPPED else name, value))


def _body(answer: dict[str, Any], exchange: Exchange, binary: frozenset[str]) -> bytes:
    body = answer.get("body")
    encoded = answer.get("isBase64Encoded", False)
    if not (body is None or isinstance(body, str)) or not isinstance(encoded, bool):
        raise _Malformed
    if not body:
        return b""
    if not encoded or not _wants_binary(exchange, binary):
        return body.encode("utf-8")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Malformed from error


def _wants_binary(exchange: Exchange, binary: frozenset[str]) -> bool:
    """AWS decodes only where the first media type of Accept is one of the API's binary ones."""
    first = exchange.headers.lower.get("accept", "*/*").split(",")[0].partition(";")[0].strip()
    return "*/*" in binary or first in binary
