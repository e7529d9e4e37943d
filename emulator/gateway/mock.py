"""MOCK integrations, as far as answers without VTL go: a status, quoted headers, $context in a template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from emulator.definition import Method, Mock
from emulator.gateway.context import Exchange, Reply, media_type_of
from emulator.gateway.errors import Refusal
from emulator.gateway.mapped import MappedResponses
from emulator.gateway.variables import Template, Variables


@dataclass(frozen=True, slots=True)
class _Compiled:
    requests: Mapping[str, Template]
    passthrough: str
    responses: MappedResponses


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
            status = str(orjson.loads(_request(mock, exchange))["statusCode"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Refusal("API_CONFIGURATION_ERROR") from error
        return mock.responses.chosen(status).reply(exchange)


def _request(mock: _Compiled, exchange: Exchange) -> str | bytes:
    """The mapped request, or the body as it came where the definition lets it pass. Refuses with 415."""
    template = mock.requests.get(media_type_of(exchange))
    if template is not None:
        return template(exchange)
    if mock.passthrough == "never" or (mock.requests and mock.passthrough == "when_no_templates"):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    return exchange.request.body


def _compile(mock: Mock, variables: Variables) -> _Compiled:
    return _Compiled(
        {kind: variables.template(text, missing="") for kind, text in mock.request_templates.items()},
        mock.passthrough,
        MappedResponses.of(mock.responses, variables),
    )
