"""Step 1: takes the request apart, and refuses what two readers could read in two ways."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from emulator.gateway.context import Exchange, Headers, Query
from emulator.gateway.errors import Refusal

# AWS's quotas for REST APIs, in bytes.
HEAD_LIMIT = 10_240
URL_LIMIT = 8_192
BODY_LIMIT = 10_485_760

# A second copy of one of these would let two readers of the request disagree about it.
_SINGLE = frozenset({"host", "content-length", "authorization", "x-api-key", "content-type", "idempotency-key"})
# Some servers turn `_` into `-`: these must not be reachable under a second spelling.
_NO_ALIAS = _SINGLE | {"transfer-encoding", "if-match", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-proto"}
_NAMES_KEPT = 1_024
# Visible ASCII less what must be percent-encoded anyway; every `%` starts an escape.
_PATH = re.compile(r"/(?:[!$&'()*+,\-./0-9:;=@A-Z_a-z~]|%[0-9A-Fa-f]{2})*")
# An escaped slash, backslash or NUL, an empty segment, or a dot segment in any spelling.
_AMBIGUOUS = re.compile(r"%(?:2[Ff]|5[Cc]|00)|//|/(?:\.|%2[Ee]){1,2}(?:/|$)")
# Half an escape, or what may not stand in a request target at all.
_BAD_QUERY = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^\x21\x22\x24-\x7e]")
# What a client may bring along of an X-Ray trace; anything else in the header ends here.
_TRACED = re.compile(
    r"(?:^|;)\s*(Root=1-[0-9a-f]{8}-[0-9a-f]{24}|Parent=[0-9a-f]{16}|Sampled=[01])\s*(?=;|$)", re.ASCII
)


def parse(exchange: Exchange) -> None:
    """Fills headers and query. Refuses with DEFAULT_4XX (400) or REQUEST_TOO_LARGE (413)."""
    request = exchange.request
    _check_size(exchange)
    exchange.headers = _headers(request.raw_headers)
    if _PATH.fullmatch(request.raw_path) is None or _AMBIGUOUS.search(request.raw_path):
        raise Refusal("DEFAULT_4XX")
    if "host" not in exchange.headers.lower and request.protocol == "HTTP/1.1":
        raise Refusal("DEFAULT_4XX")
    if request.protocol not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refusal("DEFAULT_4XX")
    if request.raw_query:
        exchange.query = _query(request.raw_query)
    if "x-amzn-trace-id" in exchange.headers.lower:
        _keep_trace(exchange)


def _keep_trace(exchange: Exchange) -> None:
    """A client may bring its X-Ray trace along: the root, its own segment, and whether it is sampled."""
    said = {part[:4]: part for part in _TRACED.findall(exchange.headers.lower["x-amzn-trace-id"])}
    if "Root" in said:
        trace = [said[name] for name in ("Root", "Pare", "Samp") if name in said]
        exchange.ids = exchange.ids._replace(trace_id=";".join(trace))


def _check_size(exchange: Exchange) -> None:
    request = exchange.request
    url = len(request.raw_path) + len(request.raw_query)
    # The bytes of the request line and the header lines with their separators, as they were on the wire.
    head = len(request.method) + url + 12 + sum([len(n) + len(v) + 4 for n, v in request.raw_headers])
    if request.too_large == "head" or url > URL_LIMIT or head > HEAD_LIMIT:
        raise Refusal("REQUEST_TOO_LARGE")
    if request.too_large == "body" or len(request.body) > BODY_LIMIT:
        raise Refusal("REQUEST_TOO_LARGE", f"HTTP content length exceeded {BODY_LIMIT} bytes.")


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    values: dict[str, str] = {}
    multi: dict[str, list[str]] = {}
    lower: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, small = _name(raw_name)
        value = raw_value.decode("latin-1")
        if small in lower:
            if small in _SINGLE:
                raise Refusal("DEFAULT_4XX")
            # The first spelling of a name is the one that is passed on.
            name = next(known for known in multi if known.lower() == small)
            multi[name].append(value)
        else:
            multi[name] = [value]
        values[name] = lower[small] = value
    return Headers(values, multi, lower)


@lru_cache(maxsize=_NAMES_KEPT)
def _name(raw: bytes) -> tuple[str, str]:
    """A header's name as it is spelt, and in lower case; the same few come with every request."""
    name = raw.decode("latin-1")
    small = name.lower()
    if "_" in small and small.replace("_", "-") in _NO_ALIAS:
        raise Refusal("DEFAULT_4XX")
    return name, small


def _query(raw: bytes) -> Query:
    query = Query()
    if _BAD_QUERY.search(raw):
        raise Refusal("DEFAULT_4XX")
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            text = decoded(value.replace(b"+", b" "))
            key = decoded(name.replace(b"+", b" "))
            query.multi.setdefault(key, []).append(text)
            query.values[key] = text  # AWS keeps the last
    return query


def decoded(escaped: bytes | str) -> str:
    """Percent-decoded UTF-8 without control characters, or a refusal."""
    try:
        text = unquote_to_bytes(escaped).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("DEFAULT_4XX") from error
    if not text.isprintable() and any(char < " " or char == "\x7f" for char in text):
        raise Refusal("DEFAULT_4XX")
    return text
