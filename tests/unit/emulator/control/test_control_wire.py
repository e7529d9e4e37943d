"""Every operation of three services is read as botocore writes it, and answered as botocore reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import Session

from emulator.control.errors import ControlError
from emulator.control.wire import Asked, Wire

SERVICES = ("apigateway", "events", "lambda")
WHEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
AWKWARD = "a/b c+d%2F?é"


@lru_cache
def model(service: str) -> ServiceModel:
    return Session().get_service_model(service)


@lru_cache
def wire(service: str) -> Wire:
    return Wire(service)


def operations(*, answers: bool = False) -> Iterator[Any]:
    for service in SERVICES:
        for name in model(service).operation_names:
            shape = model(service).operation_model(name)
            if not answers or (shape.output_shape is not None and not shape.has_event_stream_output):
                yield pytest.param(shape, id=f"{service}-{name}")


def sample(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A value of a shape with every member set; what holds itself is left out the second time."""
    match shape.type_name:
        case "structure":
            inner = (*above, shape.name)
            found = {name: sample(one, inner) for name, one in shape.members.items() if one.name not in inner}
            union = getattr(shape, "is_tagged_union", False)
            return dict(list(found.items())[:1]) if union else found
        case "list":
            return [sample(shape.member, above)] * max(shape.metadata.get("min", 1), 1)
        case "map":
            key = (getattr(shape.key, "enum", None) or ["some key"])[0]
            return {key: sample(shape.value, above)}
        case "string":
            return shape.enum[0] if shape.enum else AWKWARD + "x" * shape.metadata.get("min", 0)
        case "timestamp":
            return WHEN
    least = max(7, shape.metadata.get("min", 0))
    return {
        "integer": least,
        "long": least,
        "boolean": True,
        "double": least + 0.5,
        "float": least + 0.5,
        "blob": b'{"a": 1}',
    }[shape.type_name]


def sent(operation: OperationModel, members: dict[str, Any]) -> Asked:
    """The request that boto3 would send."""
    serializer = create_serializer(operation.service_model.metadata["protocol"], include_validation=False)
    request = serializer.serialize_to_request(members, operation)
    prepare_request_dict(request, endpoint_url="http://here")
    path, _, query = request["url"].removeprefix("http://here").partition("?")
    body = request["body"].encode() if isinstance(request["body"], str) else bytes(request["body"])
    headers = {name.lower(): str(value) for name, value in request["headers"].items()}
    return Asked(request["method"], path, query, headers, body)


def plain(value: Any) -> Any:
    """Times as what they are in an operation: seconds."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value


@pytest.mark.parametrize("operation", list(operations()))
def test_a_request_is_read_as_it_was_meant(operation: OperationModel) -> None:
    members = sample(operation.input_shape) if operation.input_shape else {}
    asked = sent(operation, members)
    found = wire(operation.service_model.service_name).operation(asked)
    assert found is not None
    assert found[0].name == operation.name
    read = wire(operation.service_model.service_name).read(*found, asked)
    assert read == plain(members)


@pytest.mark.parametrize("operation", list(operations(answers=True)))
def test_an_answer_is_read_as_it_was_meant(operation: OperationModel) -> None:
    members = sample(operation.output_shape)
    status = next(
        (
            name
            for name, one in operation.output_shape.members.items()
            if one.serialization.get("location") == "statusCode"
        ),
        None,
    )
    answer = wire(operation.service_model.service_name).write(operation, members)
    if status:
        members[status] = answer.status
    headers = HeadersDict(answer.headers)
    parser = create_parser(operation.service_model.metadata["protocol"])
    response = {"status_code": answer.status, "headers": headers, "body": answer.body, "context": {}}
    parsed = plain(parser.parse(response, operation.output_shape))
    # A body that is a blob and not streamed is made a text by the parser.
    blobs = {name: value.encode() for name, value in parsed.items() if isinstance(members[name], bytes)}
    assert {**parsed, **blobs} == plain(members)


def asked(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Asked:
    return Asked(method, path, query, headers, body)


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (asked("POST", "/restapis"), "CreateRestApi"),
        (asked("POST", "/restapis/"), "CreateRestApi"),
        (asked("POST", "/restapis", "mode=import"), "ImportRestApi"),
        (asked("POST", "/restapis", "failonwarnings=true&mode=import"), "ImportRestApi"),
        (asked("POST", "/restapis", "mode=other"), "CreateRestApi"),
        (asked("PUT", "/restapis/a", "mode=overwrite"), "PutRestApi"),
        (asked("GET", "/restapis/a/models/b/default_template"), "GetModelTemplate"),
        (asked("GET", "/restapis/a/resources/b/methods/GET/responses/200"), "GetMethodResponse"),
    ],
)  # fmt: skip
def test_a_path_and_its_constants_name_the_operation(request_: Asked, name: str) -> None:
    found = wire("apigateway").operation(request_)
    assert found is not None
    assert found[0].name == name


@pytest.mark.parametrize(
    "request_",
    [asked("PATCH", "/restapis"), asked("GET", "/nothing"), asked("GET", "/restapis/a/b/c"), asked("GET", "")],
)
def test_what_the_model_does_not_have_is_no_operation(request_: Asked) -> None:
    assert wire("apigateway").operation(request_) is None


def test_a_label_may_hold_what_a_path_may_not() -> None:
    found = wire("apigateway").operation(asked("GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fa"))
    assert found is not None
    assert found[1] == {"resource_arn": "arn:aws:apigateway:us-east-1::/restapis/a"}


def read(service: str, request_: Asked) -> dict[str, Any]:
    found = wire(service).operation(request_)
    assert found is not None
    return wire(service).read(*found, request_)


def test_the_target_names_the_operation_of_a_json_service() -> None:
    request_ = Asked("POST", "/", "", {"x-amz-target": "AWSEvents.ListRules"}, b'{"Limit": 3}')
    assert read("events", request_) == {"Limit": 3}
    for target in ("AWSEvents.Nothing", "Other.ListRules", "ListRules", ""):
        assert wire("events").operation(Asked("POST", "/", "", {"x-amz-target": target}, b"")) is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'"text"', "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"name": NaN}', "SerializationException"),
        (b"", "BadRequestException"),
        (b"null", "SerializationException"),
        (b'{"name": null}', "BadRequestException"),
        (b'{"name": 5}', "BadRequestException"),
        (b'{"name": "a", "binaryMediaTypes": "a"}', "SerializationException"),
        (b'{"name": "a", "binaryMediaTypes": {"a": 1}}', "SerializationException"),
        (b'{"name": "a", "binaryMediaTypes": [1]}', "BadRequestException"),
        (b'{"name": "a", "tags": [1]}', "SerializationException"),
        (b'{"name": "a", "endpointConfiguration": "EDGE"}', "SerializationException"),
        (b'{"name": "a", "endpointConfiguration": {"types": ["LOCAL"]}}', "BadRequestException"),
        (b'{"name": "a", "apiKeySource": "BODY"}', "BadRequestException"),
        (b'{"name": "a", "minimumCompressionSize": "5"}', "BadRequestException"),
    ],
)
def test_a_body_that_the_model_does_not_allow_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ControlError) as refused:
        read("apigateway", asked("POST", "/restapis", body=body))
    assert (refused.value.code, refused.value.status) == (code, 400)


def test_a_number_in_the_query_is_a_number() -> None:
    assert read("apigateway", asked("GET", "/restapis", "limit=5&position=a")) == {"limit": 5, "position": "a"}
    with pytest.raises(ControlError, match="cannot be read"):
        read("apigateway", asked("GET", "/restapis", "limit=five"))


def test_what_no_member_claims_in_the_query_is_a_parameter_of_an_import() -> None:
    request_ = asked("POST", "/restapis", "mode=import&failonwarnings=true&basepath=prepend", body=b"{}")
    members = {"failOnWarnings": True, "parameters": {"basepath": "prepend"}, "body": b"{}"}
    assert read("apigateway", request_) == members


def test_what_the_model_does_not_know_is_left_out() -> None:
    request_ = asked("POST", "/restapis", body=b'{"name": "a", "surprise": 1, "version": null}')
    assert read("apigateway", request_) == {"name": "a"}


@pytest.mark.parametrize(
    ("service", "request_", "code"),
    [
        ("lambda", asked("PUT", "/2017-10-31/functions/f/concurrency", body=b"{}"), "InvalidParameterValueException"),
        ("events", Asked("POST", "/", "", {"x-amz-target": "AWSEvents.PutRule"}, b"{}"), "ValidationException"),
    ],
)
def test_each_service_has_its_own_name_for_a_bad_request(service: str, request_: Asked, code: str) -> None:
    with pytest.raises(ControlError) as refused:
        read(service, request_)
    assert refused.value.code == code


def test_a_blob_that_is_no_base64_is_refused() -> None:
    with pytest.raises(ControlError) as refused:
        read("lambda", asked("PUT", "/2015-03-31/functions/f/code", body=b'{"ZipFile": "***"}'))
    assert refused.value.code == "SerializationException"


@pytest.mark.parametrize("service", SERVICES)
def test_a_refusal_is_what_boto3_makes_an_exception_of(service: str) -> None:
    answer = wire(service).refuse(ControlError("NotFoundException", "not here", 404))
    parser = create_parser(model(service).metadata["protocol"])
    headers = HeadersDict(answer.headers)
    response = {"status_code": answer.status, "headers": headers, "body": answer.body, "context": {}}
    operation = model(service).operation_model(model(service).operation_names[0])
    error = parser.parse(response, operation.output_shape)["Error"]
    assert (answer.status, error["Code"], error["Message"]) == (404, "NotFoundException", "not here")


def test_what_is_none_is_not_said() -> None:
    answer = wire("apigateway").write(model("apigateway").operation_model("GetRestApi"), {"id": "a", "policy": None})
    assert json.loads(answer.body) == {"id": "a"}
