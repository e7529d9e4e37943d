"""Request validators: parameters, models, content types.

Source: API Gateway developer guide: api-gateway-method-request-validation.
"""

from __future__ import annotations

import orjson
import pytest

from tests.doubles.gateway import Rig, header, message, signed

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("target", "headers", "missing"),
    [
        ("/things", {"X-Tenant": "t"}, "q"),
        ("/things?q=", {"X-Tenant": "t"}, "q"),
        ("/things?Q=1", {"X-Tenant": "t"}, "q"),
        ("/things?q=1", {}, "X-Tenant"),
        ("/things?q=1", {"X-Tenant": ""}, "X-Tenant"),
        ("/things", {}, "X-Tenant, q"),
    ],
)
def test_missing_parameters_are_named(rig: Rig, target: str, headers: dict[str, str], missing: str) -> None:
    reply = rig.ask("GET", target, headers=signed(**headers))
    assert (reply.status, message(reply)) == (400, f"Missing required request parameters: [{missing}]")
    assert header(reply, "x-amzn-ErrorType") == "BadRequestException"


def test_header_names_have_no_case(rig: Rig) -> None:
    assert rig.ask("GET", "/things?q=1", headers=signed(**{"x-tenant": "t"})).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"name":1}',
        b'{"name":"abcdef"}',
        b'{"name":"a","more":1}',
        b'{"name":"a","size":0}',
        b'{"name":"a","size":1.5}',
        b'{"name":"a","size":NaN}',
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b"[" * 100_000,
        b'{"name":' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_of_the_model_is_400(rig: Rig, body: bytes) -> None:
    reply = rig.ask("POST", "/things", headers=signed(**JSON), body=body)
    assert reply.status == 400
    assert orjson.loads(reply.body)["detail"].startswith("[")
    assert rig.functions.events == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"name":"4111111111111111"}', "[name: the value is longer than 5 characters]"),
        (b'{"name":4111111111111111}', '[name: the value is not of type "string"]'),
        (b"{}", '["name" is a required property]'),
        (b'{"name":"a","' + b"x" * 600 + b'":1}', None),
    ],
)
def test_the_detail_names_the_place_and_never_the_value(rig: Rig, body: bytes, detail: str | None) -> None:
    reply = rig.ask("POST", "/things", headers=signed(**JSON), body=body)
    found = orjson.loads(reply.body)["detail"]
    assert len(found) <= 514
    assert detail is None or found == detail


@pytest.mark.parametrize("body", [b'{"name":"a"}', b'{"name":"abcde","size":1}', b'\n{"name":"a"}'])
@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", None])
def test_a_body_of_the_model_passes_as_it_is(rig: Rig, body: bytes, kind: str | None) -> None:
    headers = signed(**({"Content-Type": kind} if kind else {}))
    assert rig.event("POST", "/things", headers=headers, body=body)["body"] == body.decode()


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonx", "", "application/xml; a=application/json"])
def test_a_content_type_without_model_is_415(rig: Rig, kind: str) -> None:
    reply = rig.ask("POST", "/things", headers=signed(**{"Content-Type": kind}), body=b'{"name":"a"}')
    assert (reply.status, message(reply)) == (415, "Unsupported Media Type")


def test_a_method_without_models_takes_anything(rig: Rig) -> None:
    assert rig.event("POST", "/open", headers={"Content-Type": "text/plain"}, body=b"a")["body"] == "a"
