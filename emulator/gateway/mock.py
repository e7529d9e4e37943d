"""MOCK integrations, as far as answers without VTL go: a status, quoted headers, $context in a template."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from emulator.definition import Method, Mock
from emulator.gateway.context import Exchange, Reply
from emulator.gateway.errors import Refusal
from emulator.gateway.respond import Rendering
from emulator.gateway.variables import Template, Variables


@dataclass(frozen=True, slots=True)
class _Compiled:
    request: Template
    responses: tuple[tuple[re.Pattern[str] | None, Rendering], ...]


@dataclass(slots=True)
class Mocks:
    compiled: dict[str, _Compiled]

    @classmethod
    def of(cls, methods: Iterable[Method], variables: Variables) -> Mocks:
        return cls({m.label: _compile(m.integration, variables) for m in methods if isinstance(m.integration, Mock)})

    def answer(self, exchange: Exchange) -> Reply:
        """Refuses with API_CONFIGURATION_ERROR (500) where the definition gives no answer, as AWS does."""
        mock = self.compiled[exchange.method.label]
        try:
            status = str(orjson.loads(mock.request(exchange))["statusCode"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Refusal("API_CONFIGURATION_ERROR") from error
        default = None
        for pattern, rendering in mock.responses:
            if pattern is None:
                default = rendering
            elif pattern.fullmatch(status):
                return rendering.reply(exchange)
        if default is None:
            raise Refusal("API_CONFIGURATION_ERROR")
        return default.reply(exchange)


def _compile(mock: Mock, variables: Variables) -> _Compiled:
    return _Compiled(
        variables.template(mock.request_template, missing=""),
        tuple(
            (
                None if response.pattern is None else re.compile(response.pattern),
                Rendering.of(response.status, response.headers, response.templates, variables),
            )
            for response in mock.responses
        ),
    )
