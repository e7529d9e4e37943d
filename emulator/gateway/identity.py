"""The identity sources of a Lambda authorizer: what must be there, and under what its answer is remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import orjson

from emulator.definition import LambdaAuthorizer
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal
from emulator.gateway.variables import Variables

Source = Callable[[Exchange], list[str]]


@dataclass(frozen=True, slots=True)
class Identity:
    """`token` is the value of the last source; `digest` is of all values of all sources."""

    token: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Identities:
    """Reads them; the expressions of each authorizer are compiled once."""

    variables: Variables
    stage_variables: Mapping[str, str]
    sources: dict[LambdaAuthorizer, tuple[Source, ...]] = field(default_factory=dict)

    def read(self, exchange: Exchange, authorizer: LambdaAuthorizer) -> Identity:
        """Refuses with UNAUTHORIZED (401) if a source is missing or empty, or the token not of the right form."""
        sources = self.sources.get(authorizer)
        if sources is None:
            sources = self.sources[authorizer] = tuple(self._source(text) for text in authorizer.sources)
        values = [source(exchange) for source in sources]
        if not all(value and all(value) for value in values):
            raise _unauthorized(exchange, "an identity source is missing")
        token = values[-1][-1] if values else ""
        if authorizer.validation is not None and authorizer.validation.fullmatch(token) is None:
            raise _unauthorized(exchange, "the identity source does not have the form it must have")
        return Identity(token, hashlib.sha256(orjson.dumps(values)).digest())

    def _source(self, expression: str) -> Source:
        place, _, name = expression.removeprefix("method.request.").partition(".")
        if place == "header":
            return partial(_header, name.lower())
        if place == "querystring":
            return partial(_query, name)
        if place == "stageVariables":
            return partial(_constant, self.stage_variables.get(name, ""))
        resolver = self.variables.resolver(name)
        return lambda exchange: [resolver(exchange) or ""]


def _unauthorized(exchange: Exchange, reason: str) -> Refusal:
    exchange.authorizer_error = reason
    return Refusal("UNAUTHORIZED")


def _header(name: str, exchange: Exchange) -> list[str]:
    """All values: an answer that was given for one of them must not be found under another."""
    if name not in exchange.headers.lower:
        return []
    return next(values for known, values in exchange.headers.multi.items() if known.lower() == name)


def _query(name: str, exchange: Exchange) -> list[str]:
    return exchange.query.multi.get(name, [])


def _constant(value: str, _: Exchange) -> list[str]:
    return [value]
