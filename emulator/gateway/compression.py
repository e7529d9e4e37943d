"""Payload compression: a request's body is unpacked before it is looked at, an answer packed as the client asks.

Source: API Gateway developer guide, "Payload compression for REST APIs", with its pages on compressed requests and
answers. Requests are unpacked whatever the definition says; answers only where it sets a minimum size.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal
from emulator.gateway.parse import BODY_LIMIT

# zlib's names for the two formats: a window of 32 KiB, and 16 more for gzip's header.
_WINDOW = {"gzip": zlib.MAX_WBITS + 16, "deflate": zlib.MAX_WBITS}
_CODING = re.compile(r"\s*([a-z]+)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")


def unpack(exchange: Exchange) -> None:
    """Replaces a packed body. Refuses with UNSUPPORTED_MEDIA_TYPE what it cannot read, REQUEST_TOO_LARGE at 10 MB.

    The function is told of neither the coding nor the packed length: what it gets is the body as it was meant.
    """
    coding = exchange.headers.lower.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return
    if coding not in _WINDOW:
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    if not exchange.request.body:
        return
    exchange.request.body = _unpacked(exchange.request.body, _WINDOW[coding])
    for name in [name for name in exchange.headers.multi if name.lower() == "content-encoding"]:
        del exchange.headers.multi[name], exchange.headers.values[name]
    del exchange.headers.lower["content-encoding"]


def _unpacked(body: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        plain = unpacker.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise Refusal("UNSUPPORTED_MEDIA_TYPE") from error
    if len(plain) > BODY_LIMIT:
        raise Refusal("REQUEST_TOO_LARGE", f"HTTP content length exceeded {BODY_LIMIT} bytes.")
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    return plain


@dataclass(frozen=True, slots=True)
class Compression:
    """`minimum` is the size in bytes from which on answers are packed; None: never."""

    minimum: int | None

    def pack(self, exchange: Exchange) -> None:
        """Packs an integration's answer where the client named a coding, and the integration none."""
        reply = exchange.reply
        if self.minimum is None or reply is None or exchange.refusal is not None or len(reply.body) < self.minimum:
            return
        coding = _wanted(exchange.headers.lower.get("accept-encoding", ""))
        if coding is None or any(name.lower() == "content-encoding" for name, _ in reply.headers):
            return
        packer = zlib.compressobj(wbits=_WINDOW[coding])
        reply.body = packer.compress(reply.body) + packer.flush()
        reply.headers.append(("Content-Encoding", coding))


def _wanted(accept: str) -> str | None:
    """The coding with the highest weight; `*` names none."""
    weights = dict.fromkeys(_WINDOW, 0.0)
    for part in accept.lower().split(","):
        found = _CODING.fullmatch(part)
        if found and found[1] in weights:
            weights[found[1]] = float(found[2] or 1)
    best = max(weights, key=lambda coding: weights[coding])
    return best if weights[best] else None
