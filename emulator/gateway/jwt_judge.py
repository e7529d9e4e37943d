"""Whether a token is good: judged once, and remembered for as long as the judgement cannot change."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import orjson

from emulator.clock import Clock
from emulator.definition import JwtAuthorizer, TrustedIssuer
from emulator.gateway.context import Verified
from emulator.gateway.jws import Compact, InvalidToken, check_claims, check_signature, read_compact, scopes_of
from emulator.keyset import KeySet, VerificationKey

# Tokens remembered per authorizer, good ones and bad ones each; the oldest leaves first.
REMEMBERED = 10_000

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """A token that was read, from an issuer that is trusted, and must still be verified."""

    digest: bytes
    compact: Compact
    issuer: TrustedIssuer
    keys: KeySet


@dataclass(slots=True)
class _Verdict:
    """Good until the token expires or the issuer's keys change, whichever is first."""

    verified: Verified
    keys: KeySet
    generation: int

    def holds(self, now: float) -> bool:
        return now < self.verified.expires_at and self.generation == self.keys.generation and self.keys.fresh()


@dataclass(slots=True)
class _Rejection:
    """Bad for as long as the issuer's keys stay the same; for ever, where no key was asked for."""

    reason: str
    keys: KeySet | None
    generation: int

    def holds(self) -> bool:
        return self.keys is None or (self.generation == self.keys.generation and self.keys.fresh())


@dataclass(slots=True)
class JwtJudge:
    """The judge of one authorizer, who knows tokens by their SHA-256. A flood of bad ones drives out no good one."""

    rules: JwtAuthorizer
    keysets: Mapping[str, KeySet]
    clock: Clock
    # A dict would look for its oldest entry past the places of all that have left.
    good: OrderedDict[bytes, _Verdict] = field(default_factory=OrderedDict)
    bad: OrderedDict[bytes, _Rejection] = field(default_factory=OrderedDict)

    def __call__(self, token: str) -> Verified | Awaitable[Verified]:
        """What the token says; awaitable only where its issuer's keys have to be fetched first.

        Raises InvalidToken; when awaited also KeysUnavailable.
        """
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        verdict = self.good.get(digest)
        if verdict is not None and verdict.holds(self.clock.wall() / 1000):
            return verdict.verified
        rejection = self.bad.get(digest)
        if rejection is not None and rejection.holds():
            raise InvalidToken(rejection.reason)
        newcomer = self._read(token, digest)
        key = newcomer.keys.at_hand(newcomer.compact.header.kid)
        return self._fetch(newcomer) if key is None else self._verify(newcomer, key)

    def _read(self, token: str, digest: bytes) -> _Newcomer:
        try:
            compact = read_compact(token)
            issuer = self._trusted(compact)
        except InvalidToken as error:
            _remember(self.bad, digest, _Rejection(str(error), None, 0))
            raise
        return _Newcomer(digest, compact, issuer, self.keysets[issuer.issuer])

    def _trusted(self, compact: Compact) -> TrustedIssuer:
        """The issuer, if a token like this one can be its own."""
        issuer = next((trusted for trusted in self.rules.issuers if trusted.issuer == compact.issuer), None)
        if issuer is None:
            raise InvalidToken("the token does not have a valid issuer")
        if compact.header.algorithm not in self.rules.algorithms:
            raise InvalidToken("the signing algorithm is not allowed")
        if not compact.header.kid:
            raise InvalidToken("the token names no key")
        return issuer

    async def _fetch(self, newcomer: _Newcomer) -> Verified:
        key = await newcomer.keys.find(newcomer.compact.header.kid)
        if key is None:  # not remembered: the next look at the issuer's keys may find it
            raise InvalidToken("the token's key is not known")
        return self._verify(newcomer, key)

    def _verify(self, newcomer: _Newcomer, key: VerificationKey) -> Verified:
        compact, keys = newcomer.compact, newcomer.keys
        try:
            check_signature(compact, key, self.rules.algorithms)
            expires_at = check_claims(compact.claims, newcomer.issuer, self.clock.wall() / 1000)
        except InvalidToken as error:
            if error.lasting:
                _remember(self.bad, newcomer.digest, _Rejection(str(error), keys, keys.generation))
            raise
        claims = orjson.Fragment(compact.claims_json)
        verified = Verified(compact.claims, claims, scopes_of(compact.claims), expires_at)
        _remember(self.good, newcomer.digest, _Verdict(verified, keys, keys.generation))
        return verified


def _remember(kept: OrderedDict[bytes, Kept], digest: bytes, what: Kept) -> None:
    if len(kept) >= REMEMBERED:
        kept.popitem(last=False)
    kept[digest] = what
