"""Step 3: the method's authorizer - a JWT gets one 401 whatever is wrong, 403 for scopes; else a function rules."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from emulator.clock import Clock
from emulator.definition import JwtAuthorizer, LambdaAuthorizer
from emulator.gateway.context import Exchange, Verified
from emulator.gateway.errors import Refusal
from emulator.gateway.jws import InvalidToken
from emulator.gateway.jwt_judge import JwtJudge
from emulator.gateway.lambda_authorizer import LambdaAuthorizers
from emulator.keyset import KeySet, KeysUnavailable


@dataclass(slots=True)
class Authorizer:
    """A judge per JWT authorizer: what was found of a token counts for all methods that have it, never for others."""

    clock: Clock
    keysets: Mapping[str, KeySet]
    lambdas: LambdaAuthorizers
    judges: dict[JwtAuthorizer, JwtJudge] = field(default_factory=dict)

    def __call__(self, exchange: Exchange) -> Awaitable[None] | None:
        """Refuses with UNAUTHORIZED (401) or ACCESS_DENIED (403); a Lambda authorizer that fails is a 500."""
        authorizer = exchange.method.authorizer
        if authorizer is None:
            return None
        if isinstance(authorizer, LambdaAuthorizer):
            return self.lambdas(exchange, authorizer)
        token = _bearer(exchange, authorizer)
        try:
            found = self._judge_of(authorizer)(token)
        except InvalidToken as error:
            raise _unauthorized(exchange, str(error)) from error
        if not isinstance(found, Verified):
            return _later(exchange, found)
        _admit(exchange, found)
        return None

    def _judge_of(self, authorizer: JwtAuthorizer) -> JwtJudge:
        judge = self.judges.get(authorizer)
        if judge is None:
            judge = self.judges[authorizer] = JwtJudge(authorizer, self.keysets, self.clock)
        return judge


async def _later(exchange: Exchange, pending: Awaitable[Verified]) -> None:
    try:
        verified = await pending
    except InvalidToken as error:
        raise _unauthorized(exchange, str(error)) from error
    except KeysUnavailable as error:
        raise _unauthorized(exchange, "OIDC discovery endpoint communication error") from error
    _admit(exchange, verified)


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
