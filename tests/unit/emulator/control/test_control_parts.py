"""Authorizers, request validators, models and gateway responses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.gateway.errors import KINDS
from tests.doubles.control_planes import Apis, patch, refused
from tests.doubles.gateway import AUDIENCE, ISSUER

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:f/invocations"
)
SOURCE = "method.request.header.Authorization"
TRUST = {"issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE]}], "defaultAlgorithms": ["ES256"]}
JWT = {"name": "jwt", "type": "JWT", "identitySource": SOURCE, "jwtConfiguration": TRUST}
TOKEN = {"name": "token", "type": "TOKEN", "identitySource": SOURCE, "authorizerUri": LAMBDA}
REQUEST = TOKEN | {"name": "request", "type": "REQUEST"}


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


@pytest.mark.parametrize("kind", [TOKEN, REQUEST], ids=["token", "request"])
def test_a_lambda_authorizer_has_what_api_gateway_adds(apis: Apis, kind: dict[str, Any]) -> None:
    api_id = apis.api()
    made = apis.do("CreateAuthorizer", restApiId=api_id, **kind)
    assert made == {**kind, "id": made["id"], "authorizerResultTtlInSeconds": 300}
    assert apis.do("GetAuthorizer", restApiId=api_id, authorizerId=made["id"]) == made
    assert apis.do("GetAuthorizers", restApiId=api_id)["items"] == [made]


def test_a_jwt_authorizer_tells_where_its_keys_are(apis: Apis) -> None:
    made = apis.do("CreateAuthorizer", restApiId=apis.api(), **JWT)
    (issuer,) = made["jwtConfiguration"]["issuers"]
    assert issuer == {"issuer": ISSUER, "audiences": [AUDIENCE], "jwksUri": "https://issuer.test/keys"}
    assert apis.issuer.calls == [f"{ISSUER}/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        ({"issuer": "https://other.test", "jwks_uri": "https://issuer.test/keys"}, "does not name this issuer"),
        ({"issuer": ISSUER}, "names no jwks_uri"),
        ({"issuer": ISSUER, "jwks_uri": 5}, "names no jwks_uri"),
        ([], "does not name this issuer"),
    ],
)
def test_an_issuer_that_does_not_name_itself_is_refused(apis: Apis, discovery: Any, words: str) -> None:
    apis.issuer.discovery = discovery
    api_id = apis.api()
    with refused("BadRequestException", words):
        apis.do("CreateAuthorizer", restApiId=api_id, **JWT)
    assert apis.do("GetAuthorizers", restApiId=api_id)["items"] == []


def test_an_issuer_that_cannot_be_reached_is_refused(apis: Apis) -> None:
    apis.issuer.fails = True
    with refused("BadRequestException", "cannot be read"):
        apis.do("CreateAuthorizer", restApiId=apis.api(), **JWT)


@pytest.mark.parametrize(
    ("authorizer", "words"),
    [
        (
            {"name": "a", "type": "COGNITO_USER_POOLS", "providerARNs": ["arn"]},
            "COGNITO_USER_POOLS is not enforced here",
        ),
        ({"name": "a", "type": "TOKEN"}, "needs an authorizerUri"),
        ({"name": "a", "type": "REQUEST"}, "needs an authorizerUri"),
        ({"name": "a", "type": "JWT"}, "needs a jwtConfiguration"),
        ({**JWT, "authorizerResultTtlInSeconds": 60}, "has no authorizerResultTtlInSeconds"),
        ({"name": "a", "type": "JWT", "jwtConfiguration": {"issuers": []}}, "needs a jwtConfiguration"),
    ],
)
def test_what_would_not_be_enforced_is_refused(apis: Apis, authorizer: dict[str, Any], words: str) -> None:
    with refused("BadRequestException", words):
        apis.do("CreateAuthorizer", restApiId=apis.api(), **authorizer)


def test_an_authorizer_is_patched_and_looked_at_again(apis: Apis) -> None:
    api_id = apis.api()
    at = {"restApiId": api_id, "authorizerId": apis.do("CreateAuthorizer", restApiId=api_id, **TOKEN)["id"]}
    row = apis.do("UpdateAuthorizer", **at, patchOperations=[patch("/authorizerResultTtlInSeconds", "0")])
    assert row["authorizerResultTtlInSeconds"] == 0
    for one in (patch("/type", "COGNITO_USER_POOLS"), patch("/authorizerUri", op="remove"), patch("/id", "x")):
        with refused("BadRequestException"):
            apis.do("UpdateAuthorizer", **at, patchOperations=[one])
    assert apis.do("GetAuthorizer", **at) == row


def test_names_are_unique_after_a_patch_too(apis: Apis) -> None:
    api_id = apis.api()
    apis.do("CreateAuthorizer", restApiId=api_id, **TOKEN)
    other = apis.do("CreateAuthorizer", restApiId=api_id, **REQUEST)["id"]
    with refused("ConflictException", "name already exists: token"):
        apis.do("CreateAuthorizer", restApiId=api_id, **TOKEN)
    with refused("ConflictException", "name already exists: token"):
        apis.do("UpdateAuthorizer", restApiId=api_id, authorizerId=other, patchOperations=[patch("/name", "token")])


def test_every_api_begins_with_two_models(apis: Apis) -> None:
    api_id = apis.api()
    rows = {row["name"]: json.loads(row["schema"]) for row in apis.do("GetModels", restApiId=api_id)["items"]}
    assert {name: schema["type"] for name, schema in rows.items()} == {"Empty": "object", "Error": "object"}


def test_a_model_is_made_read_patched_and_deleted(apis: Apis) -> None:
    api_id = apis.api()
    model = {"name": "Thing", "contentType": "application/json", "schema": '{"type": "object"}', "description": "d"}
    made = apis.do("CreateModel", restApiId=api_id, **model)
    assert made == {**model, "id": made["id"]}
    at = {"restApiId": api_id, "modelName": "Thing"}
    assert apis.do("GetModel", **at) == made
    changed = apis.do("UpdateModel", **at, patchOperations=[patch("/schema", '{"type": "array"}')])
    assert changed == {**made, "schema": '{"type": "array"}'}
    for one in (patch("/schema", "{"), patch("/name", "Other"), patch("/contentType", "a/b"), patch("/schema", "[]")):
        with refused("BadRequestException"):
            apis.do("UpdateModel", **at, patchOperations=[one])
    with refused("ConflictException"):
        apis.do("CreateModel", restApiId=api_id, **model)
    assert apis.do("DeleteModel", **at) == {}
    with refused("NotFoundException"):
        apis.do("GetModel", **at)


@pytest.mark.parametrize(
    ("name", "schema"), [("a b", "{}"), ("a-b", "{}"), ("é", "{}"), ("", "{}"), ("A", "no"), ("A", "5")]
)
def test_a_model_has_a_name_and_a_schema(apis: Apis, name: str, schema: str) -> None:
    with refused("BadRequestException"):
        apis.do("CreateModel", restApiId=apis.api(), name=name, contentType="application/json", schema=schema)


def test_a_validator_is_made_patched_and_deleted(apis: Apis) -> None:
    api_id = apis.api()
    made = apis.do("CreateRequestValidator", restApiId=api_id, validateRequestBody=True)
    at = {"restApiId": api_id, "requestValidatorId": made["id"]}
    row = apis.do("UpdateRequestValidator", **at, patchOperations=[patch("/validateRequestParameters", "true")])
    assert row == {"id": made["id"], "validateRequestBody": True, "validateRequestParameters": True}
    assert apis.do("GetRequestValidators", restApiId=api_id)["items"] == [row]
    assert apis.do("DeleteRequestValidator", **at) == {}
    assert apis.do("GetRequestValidators", restApiId=api_id)["items"] == []


def test_what_a_method_uses_stays(apis: Apis) -> None:
    api_id = apis.api()
    authorizer = apis.do("CreateAuthorizer", restApiId=api_id, **TOKEN)["id"]
    validator = apis.do("CreateRequestValidator", restApiId=api_id)["id"]
    for name in ("Asked", "Answered"):
        apis.do("CreateModel", restApiId=api_id, name=name, contentType="application/json", schema="{}")
    resource = apis.add(
        api_id, "/a", authorizationType="CUSTOM", authorizerId=authorizer, requestValidatorId=validator,
        requestModels={"application/json": "Asked"},
    )  # fmt: skip
    at = {"restApiId": api_id, "resourceId": resource, "httpMethod": "GET"}
    apis.do("PutMethodResponse", **at, statusCode="201", responseModels={"application/json": "Answered"})
    deletions: list[tuple[str, dict[str, str]]] = [
        ("DeleteAuthorizer", {"authorizerId": authorizer}),
        ("DeleteRequestValidator", {"requestValidatorId": validator}),
        ("DeleteModel", {"modelName": "Asked"}),
        ("DeleteModel", {"modelName": "Answered"}),
    ]
    for operation, label in deletions:
        with refused("ConflictException", "is referenced in GET /a"):
            apis.do(operation, restApiId=api_id, **label)
    apis.do("DeleteMethod", **at)
    for operation, label in deletions:
        assert apis.do(operation, restApiId=api_id, **label) == {}


def test_gateway_responses_have_defaults(apis: Apis) -> None:
    api_id = apis.api()
    rows = apis.do("GetGatewayResponses", restApiId=api_id)["items"]
    assert {row["responseType"]: row.get("statusCode") for row in rows} == {
        kind: None if kind.startswith("DEFAULT_") else str(row.status) for kind, row in KINDS.items()
    }
    assert all(row["defaultResponse"] for row in rows)


def test_a_gateway_response_is_set_patched_and_given_back(apis: Apis) -> None:
    at = {"restApiId": apis.api(), "responseType": "THROTTLED"}
    default = apis.do("GetGatewayResponse", **at)
    row = apis.do("PutGatewayResponse", **at, statusCode="420")
    assert (row["statusCode"], row["defaultResponse"]) == ("420", False)
    header = patch("/responseParameters/gatewayresponse.header.Retry-After", "'1'", "add")
    changed = apis.do("UpdateGatewayResponse", **at, patchOperations=[header])
    assert changed == {**row, "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"}}
    assert apis.do("GetGatewayResponse", **at) == changed
    with refused("BadRequestException"):
        apis.do("UpdateGatewayResponse", **at, patchOperations=[patch("/responseType", "UNAUTHORIZED")])
    assert apis.do("DeleteGatewayResponse", **at) == {}
    assert apis.do("GetGatewayResponse", **at) == default
    with refused("NotFoundException"):
        apis.do("DeleteGatewayResponse", **at)


def test_a_patched_default_leaves_each_refusal_its_status(apis: Apis) -> None:
    api_id = apis.api("/a")
    one = patch("/responseParameters/gatewayresponse.header.X", "'y'", "add")
    apis.do("UpdateGatewayResponse", restApiId=api_id, responseType="DEFAULT_4XX", patchOperations=[one])
    apis.deploy(api_id)
    reply = apis.ask("GET", f"/_aws/execute-api/{api_id}/s/nothing")
    assert (reply.status, dict(reply.headers)["X"]) == (403, "y")
