"""Renders answers that the definition writes: gateway responses and mocks; and seals every answer that goes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulator.definition import Api, GatewayResponse
from emulator.gateway.context import Exchange, Reply
from emulator.gateway.errors import KINDS, Refusal
from emulator.gateway.variables import Resolver, Template, Variables

_JSON = "application/json"
_DEFAULT_TEMPLATES = {_JSON: '{"message":$context.error.messageString}'}
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")


def _safe(value: str) -> str:
    return value if value.isascii() and value.isprintable() else _UNSAFE_VALUE.sub("?", value)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A status, headers and templates by content type, compiled."""

    status: int
    headers: tuple[tuple[str, Resolver], ...]
    templates: Mapping[str, Template]
    types_itself: bool

    @classmethod
    def of(
        cls, status: int, headers: Mapping[str, str], templates: Mapping[str, str], variables: Variables
    ) -> Rendering:
        return cls(
            status,
            tuple((name, variables.mapping(expression)) for name, expression in headers.items()),
            {kind: variables.template(text, missing="") for kind, text in templates.items()},
            any(name.lower() == "content-type" for name in headers),
        )

    def reply(self, exchange: Exchange) -> Reply:
        kind = self._content_type(exchange.headers.lower.get("accept", ""))
        resolved = [(name, resolver(exchange)) for name, resolver in self.headers]
        headers = [(name, _safe(value)) for name, value in resolved if value is not None]
        if not self.types_itself or not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", kind))
        reply = Reply(self.status, headers, b"")
        exchange.reply = reply  # so that a template can say $context.status
        if self.templates:
            reply.body = self.templates[kind](exchange).encode("utf-8")
        return reply

    def _content_type(self, accept: str) -> str:
        """The template that Accept asks for, else the JSON one, else the first."""
        if accept in self.templates or not self.templates:
            return accept if accept in self.templates else _JSON
        for wanted in accept.split(",") if accept else ():
            media_type = wanted.partition(";")[0].strip()
            if media_type in self.templates:
                return media_type
        return _JSON if _JSON in self.templates else next(iter(self.templates))


@dataclass(slots=True)
class Refusals:
    """Gateway responses by type: the definition's, else its DEFAULT_4XX or DEFAULT_5XX, else AWS's."""

    renderings: Mapping[str, Rendering]
    fixed_status: frozenset[str]

    @classmethod
    def of(cls, api: Api, variables: Variables) -> Refusals:
        chosen = {kind: _chosen(api, kind) for kind in KINDS}
        renderings = {
            kind: Rendering.of(
                response.status or KINDS[kind].status,
                response.headers,
                response.templates or _DEFAULT_TEMPLATES,
                variables,
            )
            for kind, response in chosen.items()
        }
        return cls(renderings, frozenset(kind for kind, response in chosen.items() if response.status))

    def render(self, refusal: Refusal, exchange: Exchange) -> Reply:
        exchange.refusal = refusal
        rendering = self.renderings[refusal.kind]
        if refusal.kind not in self.fixed_status and refusal.status != rendering.status:
            rendering = replace(rendering, status=refusal.status)
        reply = rendering.reply(exchange)
        reply.headers.append(("x-amzn-ErrorType", KINDS[refusal.kind].error_type))
        return reply


def _chosen(api: Api, kind: str) -> GatewayResponse:
    fallback = "DEFAULT_4XX" if KINDS[kind].status < 500 else "DEFAULT_5XX"
    given = api.gateway_responses
    return given.get(kind) or given.get(fallback) or GatewayResponse(None, {}, {})


def seal(exchange: Exchange) -> None:
    """Last step: the headers that API Gateway puts on every answer."""
    assert exchange.reply is not None  # every path through the chain ends in a reply
    ids = exchange.ids
    exchange.reply.headers += [
        ("x-amzn-RequestId", ids.request_id),
        ("x-amz-apigw-id", ids.extended_request_id),
        ("X-Amzn-Trace-Id", ids.trace_id),
    ]
