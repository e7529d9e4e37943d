"""What is exported is imported as it was, and nothing that would be a fence is left out on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.control.apis.export import export
from emulator.control.apis.imports import put
from emulator.control.apis.tree import resource_at
from tests.doubles.control_planes import Apis, refused
from tests.doubles.gateway import AUDIENCE, ISSUER

X = "x-amazon-apigateway-"
LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:f/invocations"
)
TRUST = {"issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE]}], "defaultAlgorithms": ["ES256"]}
AUTHORIZERS: dict[str, dict[str, Any]] = {
    "t": {"id": "t1", "name": "api_key", "type": "TOKEN", "authorizerUri": LAMBDA, "identitySource": "method.request.header.A"},
    "r": {"id": "r1", "name": "r", "type": "REQUEST", "authorizerUri": LAMBDA, "authorizerResultTtlInSeconds": 0},
    "j": {"id": "j1", "name": "j", "type": "JWT", "identitySource": "method.request.header.B", "jwtConfiguration": TRUST},
}  # fmt: skip
VALIDATORS = {
    "v1": {"id": "v1", "name": "both", "validateRequestBody": True, "validateRequestParameters": True},
    "v2": {"id": "v2", "name": "same", "validateRequestBody": True},
    "v3": {"id": "v3", "name": "same", "validateRequestParameters": True},
    "v4": {"id": "v4"},
}
MODELS = {
    name: {"id": name, "name": name, "contentType": "application/json", "schema": schema}
    for name, schema in (
        ("Part", '{"type": "integer"}'),
        ("Whole", '{"properties": {"a": {"$ref": "https://apigateway.amazonaws.com/restapis/API/models/Part"}}}'),
    )
}
ANSWER = {"statusCode": "200", "responseTemplates": {"application/json": "{}"}}
INTEGRATIONS: list[dict[str, Any]] = [
    {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}, "integrationResponses": {"200": ANSWER}},
    {"type": "MOCK", "integrationResponses": {"404": {"statusCode": "404", "selectionPattern": "4.."}, "200": ANSWER}},
    {"type": "AWS_PROXY", "httpMethod": "POST", "uri": LAMBDA},
    {"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": "http://a.test/{p}", "requestParameters": {"integration.request.path.p": "method.request.path.p"}},
    {"type": "HTTP", "httpMethod": "GET", "uri": "http://a.test/", "timeoutInMillis": 50, "integrationResponses": {"200": ANSWER}},
]  # fmt: skip
AUTHORIZED = [
    {"authorizationType": "NONE"},
    {"authorizationType": "CUSTOM", "authorizerId": "t1"},
    {"authorizationType": "CUSTOM", "authorizerId": "r1"},
    {"authorizationType": "JWT", "authorizerId": "j1"},
    {"authorizationType": "JWT", "authorizerId": "j1", "authorizationScopes": ["a:read", "a:write"]},
]
PARAMETERS = ["method.request.header.H-h", "method.request.querystring.q.r", "method.request.path.p"]

METHODS = st.fixed_dictionaries(
    {"authorized": st.sampled_from(AUTHORIZED), "apiKeyRequired": st.booleans(), "integration": st.sampled_from(INTEGRATIONS)},
    optional={
        "requestValidatorId": st.sampled_from(sorted(VALIDATORS)),
        "requestParameters": st.dictionaries(st.sampled_from(PARAMETERS), st.booleans(), min_size=1),
        "requestModels": st.dictionaries(
            st.sampled_from(["application/json", "text/plain"]), st.sampled_from(["Whole", "Part", "Empty"]), min_size=1
        ),
        "operationName": st.sampled_from(["one", "two"]),
    },
)  # fmt: skip
PATHS = st.sampled_from(["/", "/a", "/a/{p}", "/a/{p}/b", "/c/{p+}", "/d-e.f:g"])
VERBS = st.sampled_from(["GET", "POST", "ANY", "DELETE"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "apiKeySource": st.sampled_from(["HEADER", "AUTHORIZER"]),
        "binaryMediaTypes": st.lists(st.sampled_from(["image/png", "*/*"]), unique=True),
        "minimumCompressionSize": st.integers(0, 10_485_760),
        "policy": st.just('{"Version": "2012-10-17"}'),
        "description": st.text(),
    },
)


def empty(api_id: str = "API") -> dict[str, Any]:
    """A record with nothing in it."""
    api = {"id": api_id, "name": "a", "rootResourceId": "root"}
    resources = {"root": {"id": "root", "path": "/", "resourceMethods": {}}}
    parts = ("authorizers", "validators", "models", "gateway_responses", "deployments", "stages")
    return {"api": api, "resources": resources, **{part: {} for part in parts}}


def record_of(drawn: dict[tuple[str, str], dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
    record = empty()
    record["api"] |= more
    record["authorizers"] = {row["id"]: {**row, "authType": "custom"} for row in AUTHORIZERS.values()}
    record["validators"] = VALIDATORS
    record["models"] = MODELS | {"Empty": {"id": "e", "name": "Empty", "schema": '{"type": "object"}'}}
    record["gateway_responses"] = {"THROTTLED": {"responseType": "THROTTLED", "statusCode": "420"}}
    for (path, verb), one in drawn.items():
        named = {name: value for name, value in one.items() if name not in ("authorized", "integration")}
        integration = {"passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": 29_000, **one["integration"]}
        method = {"httpMethod": verb, **one["authorized"], **named, "methodIntegration": integration}
        statuses = one["integration"].get("integrationResponses", {})
        method |= {"methodResponses": {status: {"statusCode": status} for status in statuses}} if statuses else {}
        resource_at(record, path)["resourceMethods"][verb] = method
    return record


def fenced(record: dict[str, Any]) -> dict[str, Any]:
    """What matters of every method, with what its API numbers told by what it is."""
    told: dict[str, Any] = {}
    for resource in record["resources"].values():
        for verb, method in resource["resourceMethods"].items():
            row = {
                name: value for name, value in method.items() if name not in ("methodResponses", "requestValidatorId")
            }
            validator = record["validators"].get(method.get("requestValidatorId"), {})
            row["validates"] = {name for name, value in validator.items() if value is True}
            authorizer = record["authorizers"].get(row.pop("authorizerId", ""), {})
            row["authorizer"] = {name: value for name, value in authorizer.items() if name != "id"}
            required = row.get("requestParameters", {}).items()
            row["requestParameters"] = {name: value or ".path." in name for name, value in required}
            told[f"{verb} {resource['path']}"] = row
    return told


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.tuples(PATHS, VERBS), METHODS, max_size=6), SETTINGS)
def test_a_round_trip_changes_nothing(drawn: dict[tuple[str, str], dict[str, Any]], more: dict[str, Any]) -> None:
    record, again = record_of(drawn, more), empty("AGAIN")
    definition = export(record)
    put(again, json.loads(json.dumps(definition)))
    assert fenced(again) == fenced(record)
    assert export(again) == definition
    assert "AGAIN" in again["models"]["Whole"]["schema"]


def definition(method: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    integration = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    operation = {f"{X}integration": integration, **(method or {})}
    return {"openapi": "3.0.1", "info": {"title": "imported"}, "paths": {"/a": {"get": operation}}, **top}


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


def schemes(**found: dict[str, Any]) -> dict[str, Any]:
    return {"components": {"securitySchemes": found}}


KEY = {"type": "apiKey", "name": "X-Api-Key", "in": "header"}
REQUEST = {"type": "request", "authorizerUri": LAMBDA, "authorizerResultTtlInSeconds": 0}
OWN = {"type": "apiKey", "name": "Unused", "in": "header", f"{X}authorizer": REQUEST}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "object with paths"),
        (b"{", "malformed"),
        (b"a: [", "malformed"),
        (b"[]", "object with paths"),
        (b'{"openapi": "3.0.1"}', "object with paths"),
        (b'{"openapi": "3.0.1", "paths": []}', "object with paths"),
        (b'{"openapi": "3.1.0", "paths": {}}', "swagger 2.0 or openapi 3.0"),
        (b'{"swagger": "1.2", "paths": {}}', "swagger 2.0 or openapi 3.0"),
        (b'{"openapi": "3.0.1", "paths": {"/a": 5}}', "Invalid OpenAPI input"),
        (b'{"openapi": "3.0.1", "paths": {"/a b": {"get": {}}}}', "path part"),
        (b'{"openapi": "3.0.1", "paths": {"/a": {"get": {"security": [{"x": []}]}}}}', "Invalid OpenAPI input"),
        (b"!!python/object/apply:os.system ['true']", "malformed"),
    ],
)
def test_what_is_no_definition_is_refused(apis: Apis, body: bytes, words: str) -> None:
    with refused("BadRequestException", words):
        apis.do("ImportRestApi", body=body)
    assert apis.do("GetRestApis") == {"items": []}


FENCES: dict[str, tuple[dict[str, Any], str]] = {
    "iam": (
        definition({"security": [{"sigv4": []}]}, **schemes(sigv4={**KEY, "name": "Authorization", f"{X}authtype": "awsSigv4"})),
        "'sigv4' is not enforced here",
    ),
    "bearer": (definition({"security": [{"b": []}]}, **schemes(b={"type": "http", "scheme": "bearer"})), "'b' is not enforced"),
    "key in the query": (definition({"security": [{"k": []}]}, **schemes(k={**KEY, "in": "query"})), "'k' is not enforced"),
    "cognito": (
        definition(**schemes(c={**KEY, f"{X}authorizer": {"type": "cognito_user_pools", "providerARNs": []}})),
        "COGNITO_USER_POOLS is not enforced here",
    ),
    "two authorizers": (definition({"security": [{"a": []}, {"b": []}]}, **schemes(a=OWN, b=OWN)), "one authorizer"),
    "auth": (definition({f"{X}auth": {"type": "AWS_IAM"}}), "auth of a method is not served"),
    "endpoint": (definition(servers=[{"url": "/", f"{X}endpoint-configuration": {"disableExecuteApiEndpoint": True}}]), "of a server is not served"),
    "top": (definition(**{f"{X}cors": {}}), "of the top is not served"),
    "one status twice": (
        definition({f"{X}integration": {"type": "mock", "responses": {"a": {"statusCode": 200}, "b": {"statusCode": "200"}}}}),
        "have the status 200",
    ),
    "unknown member": (definition({f"{X}integration": {"type": "mock", "payloadFormatVersion": "2.0"}}), "payloadFormatVersion"),
    "unknown type": (definition({f"{X}integration": {"type": "mock", "timeoutInMillis": "29000"}}), "timeoutInMillis"),
    "simple answers": (definition(**schemes(o={**OWN, f"{X}authorizer": {**REQUEST, "enableSimpleResponses": True}})), "enableSimpleResponses"),
    "media types": (definition(None, **{f"{X}binary-media-types": "image/png"}), "binaryMediaTypes"),
    "no validator": (definition({f"{X}request-validator": "none"}), "Invalid OpenAPI input"),
    "no model": (
        definition({"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}),
        "Invalid model identifier",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FENCES)
@pytest.mark.parametrize("operation", ["ImportRestApi", "PutRestApi"])
def test_a_fence_that_would_not_stand_is_refused(apis: Apis, operation: str, name: str) -> None:
    body, words = FENCES[name]
    into = {"restApiId": apis.api()} if operation == "PutRestApi" else {}
    with refused("BadRequestException", words):
        apis.do(operation, body=json.dumps(body).encode(), **into)
    assert len(apis.do("GetRestApis")["items"]) == len(into)


def test_a_policy_is_refused_at_the_latest_when_it_would_be_served(apis: Apis) -> None:
    body = definition(**{f"{X}policy": {"Version": "2012-10-17", "Statement": []}})
    api = apis.do("ImportRestApi", body=json.dumps(body).encode())
    assert json.loads(api["policy"]) == body[f"{X}policy"]
    with refused("BadRequestException", "not enforced here"):
        apis.deploy(api["id"])


def test_a_definition_says_what_a_method_asks(apis: Apis) -> None:
    api = definition(
        {
            "operationId": "list",
            "security": [{"own": []}, {"key": []}],
            "parameters": [{"name": "q", "in": "query", "required": True}, {"$ref": "#/components/parameters/H"}],
            f"{X}request-validator": "all",
        },
        components={
            "securitySchemes": {"own": OWN, "key": KEY, "unused": {"type": "http", "scheme": "bearer"}},
            "parameters": {"H": {"name": "H", "in": "header"}},
        },
        **{f"{X}request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}}},
    )
    api_id = apis.do("ImportRestApi", body=yaml.safe_dump(api).encode())["id"]
    at = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a"), "httpMethod": "GET"}
    method = apis.do("GetMethod", **at)
    (authorizer,) = apis.do("GetAuthorizers", restApiId=api_id)["items"]
    (validator,) = apis.do("GetRequestValidators", restApiId=api_id)["items"]
    assert method == {
        "httpMethod": "GET",
        "apiKeyRequired": True,
        "authorizationType": "CUSTOM",
        "authorizerId": authorizer["id"],
        "operationName": "list",
        "requestParameters": {"method.request.querystring.q": True, "method.request.header.H": False},
        "requestValidatorId": validator["id"],
        "methodIntegration": method["methodIntegration"],
    }


def test_to_merge_adds_and_to_overwrite_replaces(apis: Apis) -> None:
    api_id = apis.api("/kept")
    apis.do("CreateAuthorizer", restApiId=api_id, name="old", type="REQUEST", authorizerUri=LAMBDA)
    body = json.dumps(definition(**schemes(own=OWN))).encode()
    apis.do("PutRestApi", restApiId=api_id, body=body)
    apis.do("PutRestApi", restApiId=api_id, body=body, mode="merge")
    assert {row["path"] for row in apis.do("GetResources", restApiId=api_id)["items"]} == {"/", "/kept", "/a"}
    assert [row["name"] for row in apis.do("GetAuthorizers", restApiId=api_id)["items"]] == ["old", "own"]
    shown = apis.do("PutRestApi", restApiId=api_id, body=body, mode="overwrite")
    assert {row["path"] for row in apis.do("GetResources", restApiId=api_id)["items"]} == {"/", "/a"}
    assert [row["name"] for row in apis.do("GetAuthorizers", restApiId=api_id)["items"]] == ["own"]
    assert (shown["id"], shown["name"]) == (api_id, "imported")


@pytest.mark.parametrize(("accepts", "read"), [("application/json", json.loads), ("application/yaml", yaml.safe_load)])
def test_an_export_is_the_picture_of_its_stage(apis: Apis, accepts: str, read: Any) -> None:
    api_id = apis.api("/a")
    apis.deploy(api_id)
    apis.add(api_id, "/later")
    asked = {"restApiId": api_id, "stageName": "s", "exportType": "oas30", "accepts": accepts}
    answer = apis.do("GetExport", **asked, parameters={"extensions": "apigateway"})
    told = read(answer["body"])
    assert answer["contentType"] == accepts
    assert list(told["paths"]) == ["/a"]
    assert f"{X}integration" in told["paths"]["/a"]["get"]
    assert f"{X}integration" not in read(apis.do("GetExport", **asked)["body"])["paths"]["/a"]["get"]
    with refused("BadRequestException", "use oas30"):
        apis.do("GetExport", **{**asked, "exportType": "swagger"})
    with refused("NotFoundException"):
        apis.do("GetExport", **{**asked, "stageName": "t"})
    again = apis.do("ImportRestApi", body=answer["body"])["id"]
    apis.deploy(again)
    assert apis.ask("GET", f"/_aws/execute-api/{again}/s/a").body == b"/a"
