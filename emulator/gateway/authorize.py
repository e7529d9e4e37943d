"""Step 3: the method's authorizer - a JWT gets one 401 whatever is wrong, 403 for scopes; else a function rules."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

import orjson

from emulator.clock import Clock
from emulator.definition import JwtAuthorizer, LambdaAuthorizer
from emulator.gateway.context import Exchange, Verified
from emulator.gateway.errors import Refusal
from emulator.gateway.jws import InvalidToken, check_claims, check_signature, read_compact, scopes_of
from emulator.gateway.lambda_authorizer import LambdaAuthorizers
from emulator.keyset import KeySet, KeysUnavailable

# Verified tokens remembered per authorizer; the oldest leaves first.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Good until the token expires or the issuer's keys change, whichever is first."""

    verified: Verified
    keys: KeySet
    generation: int

    def holds(self, now: float) -> bool:
        return now < self.verified.expires_at and self.generation == self.keys.generation and self.keys.fresh()


@dataclass(slots=True)
class Authorizer:
    """Verdicts are kept per authorizer configuration and SHA-256 of the token, never per method."""

    clock: Clock
    keysets: Mapping[str, KeySet]
    lambdas: LambdaAuthorizers
    verdicts: dict[JwtAuthorizer, dict[bytes, _Verdict]] = field(default_factory=dict)

    def __call__(self, exchange: Exchange) -> Awaitable[None] | None:
        """Refuses with UNAUTHORIZED (401) or ACCESS_DENIED (403); a Lambda authorizer that fails is a 500."""
        authorizer = exchange.method.authorizer
        if authorizer is None:
            return None
        if isinstance(authorizer, LambdaAuthorizer):
            return self.lambdas(exchange, authorizer)
        token = _bearer(exchange, authorizer)
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        verdict = self.verdicts.setdefault(authorizer, {}).get(digest)
        if verdict is not None and verdict.holds(self.clock.wall() / 1000):
            _admit(exchange, verdict.verified)
            return None
        return self._verify(exchange, authorizer, token, digest)

    async def _verify(self, exchange: Exchange, authorizer: JwtAuthorizer, token: str, digest: bytes) -> None:
        try:
            verdict = await self._judge(authorizer, token)
        except InvalidToken as error:
            raise _unauthorized(exchange, str(error)) from error
        except KeysUnavailable as error:
            raise _unauthorized(exchange, "OIDC discovery endpoint communication error") from error
        known = self.verdicts[authorizer]
        if len(known) >= REMEMBERED:
            del known[next(iter(known))]
        known[digest] = verdict
        _admit(exchange, verdict.verified)

    async def _judge(self, authorizer: JwtAuthorizer, token: str) -> _Verdict:
        compact = read_compact(token)
        issuer = next((trusted for trusted in authorizer.issuers if trusted.issuer == compact.issuer), None)
        if issuer is None:
            raise InvalidToken("the token does not have a valid issuer")
        if compact.algorithm not in authorizer.algorithms:
            raise InvalidToken("the signing algorithm is not allowed")
        keys = self.keysets[issuer.issuer]
        key = await keys.find(compact.kid)
        if key is None:
            raise InvalidToken("the token's key is not known")
        check_signature(compact, key, authorizer.algorithms)
        expires_at = check_claims(compact.claims, issuer, self.clock.wall() / 1000)
        claims = orjson.Fragment(_event_json(compact.claims))
        verified = Verified(compact.claims, claims, scopes_of(compact.claims), expires_at)
        return _Verdict(verified, keys, keys.generation)


def _event_json(claims: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(claims)
    except (TypeError, orjson.JSONEncodeError) as error:  # an integer beyond 64 bits, for one
        raise InvalidToken("the token is malformed") from error


def _bearer(exchange: Exchange, authorizer: JwtAuthorizer) -> str:
    value = exchange.headers.lower.get(authorizer.header, "")
    if value[:7].lower() == "bearer ":
        value = value[7:]
    if not value or not value.isascii():
        raise _unauthorized(exchange, "the identity source has no token")
    return value


def _unauthorized(exchange: Exchange, reason: str) -> Refusal:
    exchange.authorizer_error = reason
    return Refusal("UNAUTHORIZED")


def _admit(exchange: Exchange, verified: Verified) -> None:
    exchange.verified = verified
    wanted = exchange.method.scopes
    if wanted and wanted.isdisjoint(verified.scopes):
        exchange.authorizer_error = "the token does not have a scope of this method"
        raise Refusal("ACCESS_DENIED")
