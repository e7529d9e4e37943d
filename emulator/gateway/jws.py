"""A compact JWT read strictly (RFC 8725): everything that PyJWT forgives is refused here."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from jwt.algorithms import Algorithm, get_default_algorithms

from emulator.definition import ClaimRule, TrustedIssuer
from emulator.keyset import VerificationKey

SIZE_LIMIT = 8_192
# Clocks differ a little: for nbf and iat only. An expired token is expired.
LEEWAY_SECONDS = 5

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_ALGORITHMS: Mapping[str, Algorithm] = get_default_algorithms()


class InvalidToken(Exception):
    """The reason, in the words that a `www-authenticate` may carry; never anything out of the token."""


@dataclass(frozen=True, slots=True)
class Compact:
    """A token taken apart, nothing of it verified yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        algorithm = self.header.get("alg")
        return algorithm if isinstance(algorithm, str) else ""

    @property
    def kid(self) -> str:
        kid = self.header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise InvalidToken("the token names no key")
        return kid

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
    header, claims, signature = (_decode(segment) for segment in segments)
    compact = Compact(
        header=_object(header),
        claims=_object(claims),
        signing_input=token[: token.rindex(".")].encode("ascii"),
        signature=signature,
    )
    if "crit" in compact.header or "b64" in compact.header or "enc" in compact.header or "zip" in compact.header:
        raise InvalidToken("the token uses an extension that is not understood")
    return compact


def _decode(segment: str) -> bytes:
    """Canonical base64url: no padding, no other alphabet, no loose bits at the end."""
    if _SEGMENT.fullmatch(segment) is None or len(segment) % 4 == 1:
        raise InvalidToken("the token is malformed")
    decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") != segment:
        raise InvalidToken("the token is malformed")
    return decoded


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate would break the event later on
    except (ValueError, RecursionError) as error:
        raise InvalidToken("the token is malformed") from error
    if not isinstance(value, dict):
        raise InvalidToken("the token is malformed")
    return value


def check_signature(token: Compact, key: VerificationKey, allowed: frozenset[str]) -> None:
    """`allowed` comes from the authorizer, the key's own algorithms from the issuer. Raises InvalidToken."""
    if token.algorithm not in allowed or token.algorithm not in key.algorithms:
        raise InvalidToken("the signing algorithm is not allowed")
    if not _ALGORITHMS[token.algorithm].verify(token.signing_input, key.key, token.signature):
        raise InvalidToken("the signature is not valid")


def check_claims(claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> float:
    """Checks everything but scopes at `now` (s since the epoch) and returns `exp`. Raises InvalidToken."""
    if claims.get("iss") != issuer.issuer:
        raise InvalidToken("the token does not have a valid issuer")
    expires_at = _instant(claims, "exp")
    if expires_at <= now:
        raise InvalidToken("the token has expired")
    if _instant(claims, "iat") > now + LEEWAY_SECONDS:
        raise InvalidToken("the token was issued in the future")
    if "nbf" in claims and _instant(claims, "nbf") > now + LEEWAY_SECONDS:
        raise InvalidToken("the token is not valid yet")
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
