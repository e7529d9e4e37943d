"""A compact JWT read strictly (RFC 8725): everything that PyJWT forgives is refused here."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import orjson
from jwt.algorithms import Algorithm, get_default_algorithms

from emulator.definition import ClaimRule, TrustedIssuer
from emulator.keyset import VerificationKey

SIZE_LIMIT = 8_192
# Clocks differ a little: for nbf and iat only. An expired token is expired.
LEEWAY_SECONDS = 5

# From base64url's two own characters to base64's, and from base64's to what neither has.
_ALPHABET = bytes.maketrans(b"-_+/=", b"+/!!!")
# The last characters whose bits beyond the last byte are all zero, by the length of what is left over four.
_LAST = {1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}
_EXTENSIONS = frozenset({"crit", "b64", "enc", "zip"})
_HEADERS_KEPT = 256
_ALGORITHMS: Mapping[str, Algorithm] = get_default_algorithms()


class InvalidToken(Exception):
    """The reason, in the words that a `www-authenticate` may carry; never anything out of the token.

    `lasting` is False where the same token may be good a moment later.
    """

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says of its signature; empty where it says nothing."""

    algorithm: str
    kid: str


@dataclass(frozen=True, slots=True)
class Compact:
    """A token taken apart, nothing of it verified yet; `claims_json` is as events carry it."""

    header: Header
    claims: Mapping[str, Any]
    claims_json: bytes
    signing_input: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        issuer = self.claims.get("iss")
        if not isinstance(issuer, str):
            raise InvalidToken("the token does not have a valid issuer")
        return issuer


def read_compact(token: str) -> Compact:
    """Takes the token apart. Raises InvalidToken."""
    if len(token) > SIZE_LIMIT:
        raise InvalidToken("the token is too long")
    segments = token.split(".")
    # Five segments are a JWE; an empty third one is an unsigned token.
    if len(segments) != 3:
        raise InvalidToken("the token is malformed")
    claims, claims_json = _object(_decode(segments[1]))
    return Compact(
        header=_header(segments[0]),
        claims=claims,
        claims_json=claims_json,
        signing_input=token[: token.rindex(".")].encode("ascii"),
        signature=_decode(segments[2]),
    )


@lru_cache(maxsize=_HEADERS_KEPT)
def _header(segment: str) -> Header:
    """The header, which all tokens of a key share."""
    said, _ = _object(_decode(segment))
    if _EXTENSIONS & said.keys():
        raise InvalidToken("the token uses an extension that is not understood")
    algorithm, kid = (value if isinstance(value, str) else "" for value in (said.get("alg"), said.get("kid")))
    return Header(algorithm, kid)


def _decode(segment: str) -> bytes:
    """Canonical base64url: no padding, no other alphabet, no loose bits at the end."""
    loose = len(segment) % 4
    if not segment or (loose and segment[-1] not in _LAST[loose]):
        raise InvalidToken("the token is malformed")
    try:
        return a2b_base64(segment.encode("ascii").translate(_ALPHABET) + b"=" * (-loose % 4), strict_mode=True)
    except ValueError as error:
        raise InvalidToken("the token is malformed") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object(text: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The object, and its JSON anew.

    Where that is the very text, no name stood twice and no number was rounded; else it is read again, strictly.
    """
    try:
        value = orjson.loads(text)
        if (again := orjson.dumps(value)) != text:
            value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
            again = orjson.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:  # TypeError: an integer beyond 64 bits
        raise InvalidToken("the token is malformed") from error
    if not isinstance(value, dict):
        raise InvalidToken("the token is malformed")
    return value, again


def check_signature(token: Compact, key: VerificationKey, allowed: frozenset[str]) -> None:
    """`allowed` comes from the authorizer, the key's own algorithms from the issuer. Raises InvalidToken."""
    algorithm = token.header.algorithm
    if algorithm not in allowed or algorithm not in key.algorithms:
        raise InvalidToken("the signing algorithm is not allowed")
    if not _ALGORITHMS[algorithm].verify(token.signing_input, key.key, token.signature):
        raise InvalidToken("the signature is not valid")


def check_claims(claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> float:
    """Checks everything but scopes at `now` (s since the epoch) and returns `exp`. Raises InvalidToken."""
    if claims.get("iss") != issuer.issuer:
        raise InvalidToken("the token does not have a valid issuer")
    expires_at = _instant(claims, "exp")
    if expires_at <= now:
        raise InvalidToken("the token has expired")
    if _instant(claims, "iat") > now + LEEWAY_SECONDS:
        raise InvalidToken("the token was issued in the future", lasting=False)
    if "nbf" in claims and _instant(claims, "nbf") > now + LEEWAY_SECONDS:
        raise InvalidToken("the token is not valid yet", lasting=False)
    _check_audience(claims.get("aud"), issuer.audiences)
    for rule in issuer.claims:
        _check_rule(claims, rule)
    return expires_at


_LATEST = 2**53
"""Seconds beyond it are no instant; NaN fails every comparison."""


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LATEST <= value <= _LATEST:
        raise InvalidToken(f"the token does not have a valid {name}")
    return value


def _check_audience(audience: object, accepted: frozenset[str]) -> None:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named) or accepted.isdisjoint(named):
        raise InvalidToken("the token does not have a valid audience")


def _check_rule(claims: Mapping[str, Any], rule: ClaimRule) -> None:
    if rule.name not in claims and not rule.required:
        return
    value = claims.get(rule.name)
    if not isinstance(value, str) or (rule.expected and value not in rule.expected):
        raise InvalidToken(f"the token does not have a valid {rule.name}")


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` if there is one, else `scp`; space-separated text or a list of texts."""
    value = claims.get("scope", claims.get("scp"))
    if isinstance(value, str):
        return frozenset(value.split(" ")) - {""}
    if isinstance(value, list):
        return frozenset(item for item in value if isinstance(item, str))
    return frozenset()
