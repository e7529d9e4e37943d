"""$context, in one place: what gateway responses, MOCK templates and the access log may name, and how it is put in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from emulator.definition import Deployment
from emulator.gateway.context import Exchange, clf_time
from emulator.gateway.errors import KINDS

Resolver = Callable[[Exchange], str | None]
Template = Callable[[Exchange], str]

# `$context.a.b`, `${context.a.b}` and the quiet `$!context.a.b` of VTL.
_REFERENCE = re.compile(r"\$!?(\{)?context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*)(?(1)\})")
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
_CLAIMS = "authorizer.claims."
_AUTHORIZER = "authorizer."
_STAGE = "stageVariables."
_ANSWERED = "integration.response.header."
# The refusals with which the authorizing step ends; after any other the caller had been let in.
_AUTHORIZE_STATUSES = {
    "UNAUTHORIZED": "401",
    "ACCESS_DENIED": "403",
    "AUTHORIZER_FAILURE": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
}
_MESSAGE_STRING = "error.messageString"


def json_inside(text: str) -> str:
    """The text as it may stand between two quotes of a JSON string, or on one line of a log."""
    return json.dumps(text)[1:-1] if _UNSAFE.search(text) else text


def _status(exchange: Exchange) -> str | None:
    return str(exchange.reply.status) if exchange.reply else None


def _length(exchange: Exchange) -> str | None:
    return str(len(exchange.reply.body)) if exchange.reply else None


def _whole(value: int | None) -> str | None:
    return None if value is None else str(value)


def _error_type(exchange: Exchange) -> str | None:
    return KINDS[exchange.refusal.kind].error_type if exchange.refusal else None


def _authorize_status(exchange: Exchange) -> str | None:
    if exchange.method.authorizer is None:
        return None
    return _AUTHORIZE_STATUSES.get(exchange.refusal.kind, "200") if exchange.refusal else "200"


def _principal(exchange: Exchange) -> str | None:
    if exchange.permit is not None:
        return exchange.permit.principal
    return str(exchange.verified.claims.get("sub", "")) if exchange.verified else None


def _authorizer_latency(exchange: Exchange) -> str | None:
    return str(exchange.authorizer_latency) if exchange.permit else None


_OF_THE_REQUEST: dict[str, Resolver] = {
    "requestId": lambda x: x.ids.request_id,
    "extendedRequestId": lambda x: x.ids.extended_request_id,
    "xrayTraceId": lambda x: x.ids.trace_id.removeprefix("Root=").split(";")[0],
    "requestTime": lambda x: clf_time(x.arrived_at),
    "requestTimeEpoch": lambda x: str(x.arrived_at),
    "httpMethod": lambda x: x.request.method,
    "path": lambda x: x.request.raw_path,
    "protocol": lambda x: x.request.protocol,
    "resourcePath": lambda x: x.method.resource or None,
    "operationName": lambda x: x.method.operation,
    "domainName": lambda x: x.headers.lower.get("host"),
    "identity.sourceIp": lambda x: x.request.source_ip,
    "identity.userAgent": lambda x: x.headers.lower.get("user-agent"),
    "identity.apiKey": lambda x: x.key.value if x.key else None,
    "identity.apiKeyId": lambda x: x.key.id if x.key else None,
}
_OF_THE_OUTCOME: dict[str, Resolver] = {
    "status": _status,
    "responseLength": _length,
    "responseLatency": lambda x: str(x.latency),
    "error.message": lambda x: x.refusal.message if x.refusal else None,
    "error.responseType": lambda x: x.refusal.kind if x.refusal else None,
    "error.errorType": _error_type,
    "error.validationErrorString": lambda x: (x.refusal.detail or None) if x.refusal else None,
    "authorizer.error": lambda x: x.authorizer_error or None,
    "authorizer.status": _authorize_status,
    "authorize.error": lambda x: x.authorizer_error or None,
    "authorize.status": _authorize_status,
    "authorizer.principalId": _principal,
    "authorizer.integrationLatency": _authorizer_latency,
    "authorizer.latency": _authorizer_latency,
    "integration.status": lambda x: _whole(x.integration.status),
    "integrationStatus": lambda x: _whole(x.integration.status),
    "integration.integrationStatus": lambda x: _whole(x.integration.status),
    "integration.latency": lambda x: _whole(x.integration.latency),
    "integrationLatency": lambda x: _whole(x.integration.latency),
    "integration.error": lambda x: x.integration.error or None,
    "integrationErrorMessage": lambda x: x.integration.error or None,
}

# Made by the gateway, never empty, and without anything that JSON or a line of a log would have to escape.
_HARMLESS = frozenset(
    {
        "requestId",
        "extendedRequestId",
        "requestTime",
        "requestTimeEpoch",
        "status",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "integration.latency",
    }
)


def _claim(name: str, exchange: Exchange) -> str | None:
    """A claim as JSON text with non-ASCII escaped; text without its quotes."""
    if exchange.verified is None or name not in exchange.verified.claims:
        return None
    value = exchange.verified.claims[name]
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _permitted(name: str, exchange: Exchange) -> str | None:
    """A value of a Lambda authorizer's context."""
    return exchange.permit.values.get(name) if exchange.permit else None


def _message_string(exchange: Exchange) -> str:
    return json.dumps(exchange.refusal.message) if exchange.refusal else "null"


@dataclass(frozen=True, slots=True)
class Variables:
    """The resolvers of one deployment."""

    known: dict[str, Resolver]
    of_stage: Mapping[str, str]

    @classmethod
    def of(cls, deployment: Deployment) -> Variables:
        fixed = {
            "stage": deployment.stage.name,
            "accountId": deployment.account_id,
            "apiId": deployment.api_id,
            "customDomain.basePathMatched": deployment.mount.base_path,
        }
        constant: dict[str, Resolver] = {name: partial(_constant, value) for name, value in fixed.items()}
        return cls({**_OF_THE_REQUEST, **_OF_THE_OUTCOME, **constant}, deployment.stage.variables)

    def resolver(self, name: str) -> Resolver:
        if name.startswith(_CLAIMS):
            return partial(_claim, name.removeprefix(_CLAIMS))
        if name.startswith(_AUTHORIZER) and name not in self.known:
            return partial(_permitted, name.removeprefix(_AUTHORIZER))
        return self.known.get(name, _unknown)

    def template(self, text: str, *, missing: str) -> Template:
        """Compiles a text with `$context` references; `missing` stands for what has no value."""
        texts: list[str] = []
        parts: list[Template] = []
        position = 0
        for match in _REFERENCE.finditer(text):
            texts.append(text[position : match.start()])
            parts.append(self._part(match.group(2), missing))
            position = match.end()
        texts.append(text[position:])
        return partial(_render, "%s".join(text.replace("%", "%%") for text in texts), tuple(parts))

    def _part(self, name: str, missing: str) -> Template:
        if name == _MESSAGE_STRING:  # the one variable that brings its own quotes
            return _message_string
        resolver = self.resolver(name)
        if name in _HARMLESS:
            return lambda exchange: resolver(exchange) or missing

        def part(exchange: Exchange) -> str:
            value = resolver(exchange)
            return missing if value is None else json_inside(value)

        return part

    def mapping(self, expression: str) -> Resolver:
        """Compiles a mapping expression: 'quoted', context.x, stageVariables.x, method.request.header.x.

        Also integration.response.header.x, where an integration has answered.
        """
        if expression.startswith("'"):
            return partial(_constant, expression[1:-1])
        if expression.startswith("context."):
            return self.resolver(expression.removeprefix("context."))
        if expression.startswith(_STAGE):
            return partial(_constant, self.of_stage.get(expression.removeprefix(_STAGE)))
        if expression.startswith(_ANSWERED):
            answered = expression.removeprefix(_ANSWERED).lower()
            return lambda exchange: exchange.integration.headers.get(answered)
        place, _, name = expression.removeprefix("method.request.").partition(".")
        if place == "header":
            return lambda exchange: exchange.headers.lower.get(name.lower())
        if place == "path":
            return lambda exchange: exchange.path_parameters.get(name)
        if place == "querystring":
            return lambda exchange: exchange.query.values.get(name)
        return _unknown


def _constant(value: str | None, _: Exchange) -> str | None:
    return value


def _unknown(_: Exchange) -> None:
    return None


def _render(frame: str, parts: tuple[Template, ...], exchange: Exchange) -> str:
    return frame % tuple([part(exchange) for part in parts])
