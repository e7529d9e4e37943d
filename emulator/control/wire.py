"""AWS's wire formats, by botocore's own models: from a request to an operation's members, and from those to an answer.

The models are those by which boto3 speaks: what they do not have cannot be asked, and an answer that they would not
accept is a fault of ours. Protocols: `rest-json` (API Gateway, Lambda) and `json` (EventBridge).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import orjson
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.session import Session
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from emulator.control.errors import ControlError
from emulator.control.operation import Members

_LABEL: Final = re.compile(r"\{([A-Za-z_]+)(\+?)\}")
_INVALID: Final = {"lambda": "InvalidParameterValueException", "events": "ValidationException"}
"""What each service calls a request that its model does not allow; API Gateway's is BadRequestException."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: `path` and `query` as they were sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    """Where an operation is asked for: query parameters of the model's URI must be there as they are written."""

    method: str
    path: re.Pattern[str]
    constants: Mapping[str, str]
    operation: OperationModel


class Wire:
    """The wire format of one service."""

    def __init__(self, name: str) -> None:
        """Load the model of a service, by its name in boto3."""
        self._model: ServiceModel = Session().get_service_model(name)
        self._invalid = _INVALID.get(name, "BadRequestException")
        self._target = self._model.metadata.get("targetPrefix")
        operations = [self._model.operation_model(one) for one in self._model.operation_names]
        # The more is written out, the closer the match: POST /restapis?mode=import is no CreateRestApi.
        self._routes = [] if self._target else sorted(map(_route, operations), key=lambda one: -len(one.constants))

    def operation(self, asked: Asked) -> tuple[OperationModel, dict[str, str]] | None:
        """Return the operation that is asked for with the labels of its path; None if it is not this service's."""
        if self._target:
            return self._targeted(asked)
        query = dict(parse_qsl(asked.query, keep_blank_values=True))
        for route in self._routes:
            found = route.path.fullmatch(asked.path) if route.method == asked.method else None
            if found is not None and route.constants.items() <= query.items():
                return route.operation, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    def _targeted(self, asked: Asked) -> tuple[OperationModel, dict[str, str]] | None:
        prefix, _, name = asked.headers.get("x-amz-target", "").partition(".")
        if prefix != self._target or name not in self._model.operation_names:
            return None
        return self._model.operation_model(name), {}

    def read(self, operation: OperationModel, labels: Mapping[str, str], asked: Asked) -> Members:
        """Return the members of the request; ControlError for what the model does not allow."""
        shape = operation.input_shape
        if shape is None:
            return {}
        try:
            members = dict(_members(operation, labels, asked))
        except (ValueError, TypeError, AttributeError, binascii.Error) as error:
            raise ControlError("SerializationException", f"The request cannot be read: {error}") from error
        faults = ParamValidator().validate(members, shape)
        if faults.has_errors():
            raise ControlError(self._invalid, faults.generate_report())
        for fault in _unlisted(shape, members, operation.name):
            raise ControlError(self._invalid, fault)
        return members

    def write(self, operation: OperationModel, members: Members) -> Answer:
        """Return the answer of an operation."""
        headers = {"Content-Type": f"application/x-amz-json-{self._model.metadata.get('jsonVersion', '1.1')}"}
        if not self._target:
            headers["Content-Type"] = "application/json"
        status = int(operation.http.get("responseCode", 200))
        shape = operation.output_shape
        if shape is None:
            return Answer(status, headers, b"{}" if self._target else b"")
        headers |= dict(_headers(shape, members))
        payload = shape.serialization.get("payload")
        if payload is not None and payload in members:
            return Answer(status, headers, _payload(shape.members[payload], members[payload]))
        body = {name: value for name, value in members.items() if not _is_elsewhere(shape, name)}
        return Answer(status, headers, b"" if status == 204 else orjson.dumps(_to_json(shape, body)))

    def refuse(self, error: ControlError) -> Answer:
        """Return the answer of a refusal."""
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        body = {"__type": error.code, "message": error.message, "Message": error.message, "Type": "User"}
        return Answer(error.status, headers, orjson.dumps(body))


def _route(operation: OperationModel) -> _Route:
    path = operation.http["requestUri"].partition("?")[0]
    pattern, end = "", 0
    for label in _LABEL.finditer(path):
        pattern += re.escape(path[end : label.start()]) + f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
        end = label.end()
    pattern += re.escape(path[end:].rstrip("/")) + "/?"
    return _Route(operation.http["method"], re.compile(pattern), _constants(operation), operation)


def _constants(operation: OperationModel) -> dict[str, str]:
    return dict(parse_qsl(operation.http["requestUri"].partition("?")[2]))


# --- requests -----------------------------------------------------------------------------------------------


def _members(operation: OperationModel, labels: Mapping[str, str], asked: Asked) -> Iterator[tuple[str, Any]]:
    shape, constants = operation.input_shape, _constants(operation).keys()
    query = parse_qsl(asked.query, keep_blank_values=True)
    claimed = {member.serialization.get("name", name) for name, member in shape.members.items()} | constants
    payload = shape.serialization.get("payload")
    body = _document(asked.body) if payload is None else {}
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        place = member.serialization.get("location")
        if name == payload:
            yield name, asked.body if member.type_name == "blob" else _from_json(member, _document(asked.body))
        elif place == "uri":
            yield name, _from_text(member, labels[wire_name])
        elif place == "querystring":
            yield from _from_query(name, member, query, claimed)
        elif place == "header" and wire_name.lower() in asked.headers:
            yield name, _from_text(member, asked.headers[wire_name.lower()])
        elif place is None and body.get(wire_name) is not None:
            yield name, _from_json(member, body[wire_name])


def _document(body: bytes) -> dict[str, Any]:
    document = orjson.loads(body) if body else {}
    if not isinstance(document, dict):
        raise TypeError("an object was expected")
    return document


def _from_query(name: str, member: Shape, query: list[tuple[str, str]], claimed: set[str]) -> Iterator[tuple[str, Any]]:
    wire_name = member.serialization.get("name", name)
    given = [value for key, value in query if key == wire_name]
    if member.type_name == "map":  # PutRestApi's parameters: whatever is nobody else's
        yield name, {key: value for key, value in query if key not in claimed}
    elif given and member.type_name == "list":
        yield name, given
    elif given:
        yield name, _from_text(member, given[-1])


def _from_text(shape: Shape, text: str) -> Any:
    match shape.type_name:
        case "integer" | "long":
            return int(text)
        case "boolean":
            return text.lower() == "true"
        case "float" | "double":
            return float(text)
        case "timestamp":
            return parse_timestamp(text).timestamp()
    return text


def _from_json(shape: Any, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            named = ((name, one, one.serialization.get("name", name)) for name, one in shape.members.items())
            return {name: _from_json(one, value[wire]) for name, one, wire in named if value.get(wire) is not None}
        case "list" if not isinstance(value, list):
            raise TypeError("a list was expected")
        case "list":
            return [_from_json(shape.member, one) for one in value]
        case "map":
            return {name: _from_json(shape.value, one) for name, one in value.items()}
        case "blob":
            return base64.b64decode(value, validate=True)
        case "timestamp" if isinstance(value, str):
            return parse_timestamp(value).timestamp()
    return value


def _unlisted(shape: Any, value: Any, place: str) -> Iterator[str]:
    """Give a sentence for each value that is none of its enumeration's: botocore leaves these to the service."""
    match shape.type_name:
        case "structure":
            for name, one in value.items():
                yield from _unlisted(shape.members[name], one, f"{place}.{name}")
        case "list":
            for position, one in enumerate(value):
                yield from _unlisted(shape.member, one, f"{place}[{position}]")
        case "map":
            for name, one in value.items():
                yield from _unlisted(shape.value, one, f"{place}.{name}")
        case "string" if shape.enum and value not in shape.enum:
            yield f"{place}: {value!r} is not one of {', '.join(shape.enum)}"


# --- answers ------------------------------------------------------------------------------------------------


def _is_elsewhere(shape: Any, name: str) -> bool:
    return shape.members[name].serialization.get("location") in ("header", "headers", "statusCode")


def _headers(shape: Any, members: Members) -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        if shape.members[name].serialization.get("location") == "header" and value is not None:
            yield shape.members[name].serialization.get("name", name), str(value)


def _payload(shape: Shape, value: Any) -> bytes:
    return bytes(value) if shape.type_name == "blob" else orjson.dumps(_to_json(shape, value))


def _to_json(shape: Any, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            given = ((shape.members[name], name, one) for name, one in value.items() if one is not None)
            return {member.serialization.get("name", name): _to_json(member, one) for member, name, one in given}
        case "list":
            return [_to_json(shape.member, one) for one in value]
        case "map":
            return {name: _to_json(shape.value, one) for name, one in value.items()}
        case "blob":
            return base64.b64encode(value).decode()
        case "timestamp" if isinstance(value, datetime):
            return value.timestamp()
    return value
