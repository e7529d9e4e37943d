"""Step 7: the method's request validator - required parameters, then the body against its model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jsonschema_rs
import orjson

from emulator.definition import Method
from emulator.gateway.context import Exchange, media_type_of
from emulator.gateway.errors import Refusal

_ANY_TYPE = "$default"
_DETAIL_LIMIT = 512
# Stands for what the client sent: a refusal, and a log that quotes it, must not repeat a card number.
_MASK = "the value"


@dataclass(slots=True)
class Validation:
    """Models compiled once, by method and content type."""

    models: Mapping[str, Mapping[str, jsonschema_rs.Draft4Validator]]

    @classmethod
    def of(cls, methods: Iterable[Method]) -> Validation:
        return cls(
            {
                method.label: {kind: _compile(method, schema) for kind, schema in method.models.items()}
                for method in methods
                if method.validates_body and method.models
            }
        )

    def __call__(self, exchange: Exchange) -> None:
        """Refuses with BAD_REQUEST_PARAMETERS, BAD_REQUEST_BODY (400) or UNSUPPORTED_MEDIA_TYPE (415)."""
        method = exchange.method
        if method.validates_parameters and (method.required_headers or method.required_query):
            _check_parameters(exchange)
        models = self.models.get(method.label)
        if models is not None:
            _check_body(exchange, models)


def _compile(method: Method, schema: Mapping[str, object]) -> jsonschema_rs.Draft4Validator:
    try:
        return jsonschema_rs.Draft4Validator(dict(schema), mask=_MASK, offline=True)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"{method.label}: the model is no JSON Schema draft 4: {error.message}") from error


def _check_parameters(exchange: Exchange) -> None:
    method = exchange.method
    missing = [name for name in method.required_headers if not exchange.headers.lower.get(name.lower())]
    missing += [name for name in method.required_query if not exchange.query.values.get(name)]
    if missing:
        raise Refusal("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(sorted(missing))}]")


def _check_body(exchange: Exchange, models: Mapping[str, jsonschema_rs.Draft4Validator]) -> None:
    # No body counts as {}, as AWS was seen to do.
    model = models.get(media_type_of(exchange)) or models.get(_ANY_TYPE)
    if model is None:
        raise Refusal("UNSUPPORTED_MEDIA_TYPE")
    try:
        document = orjson.loads(exchange.request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refusal("BAD_REQUEST_BODY", detail="[the body is not JSON]") from error
    if not model.is_valid(document):
        raise Refusal("BAD_REQUEST_BODY", detail=f"[{_first_fault(model, document)[:_DETAIL_LIMIT]}]")


def _first_fault(model: jsonschema_rs.Draft4Validator, document: object) -> str:
    fault = next(model.iter_errors(document))
    place = ".".join(str(step) for step in fault.instance_path)
    return f"{place}: {fault.message}" if place else fault.message
