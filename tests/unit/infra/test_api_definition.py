"""api.yaml: valid OpenAPI, every route guarded, and every refusal of the gateway a problem document."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from openapi_spec_validator import validate

from chalicelib.kernel.problems import CATALOGUE, TYPE_ROOT
from chalicelib.tokens.scopes import SCOPES
from infra.functions import ROOT

API: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "api.yaml").read_text())
VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
OPEN = {"POST /oauth2/token", "GET /v1/health"}
ROOMS = ("tokens", "accounts", "payments", "refunds", "transfers", "events", "clocks")

RESPONSE_TYPES = {
    "ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED",
    "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
}  # fmt: skip
GATEWAYS_OWN = {
    "unauthorized", "insufficient_scope", "invalid_api_key", "throttled", "quota_exceeded", "invalid_parameters",
    "integration_failure", "integration_timeout",
}  # fmt: skip


def _operations() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, item in API["paths"].items():
        for verb in VERBS:
            if verb in item:
                yield f"{verb.upper()} {path}", item[verb]


OPERATIONS = dict(_operations())
each_operation = pytest.mark.parametrize("route", sorted(OPERATIONS))
each_resource = pytest.mark.parametrize("path", sorted(API["paths"]))
each_response = pytest.mark.parametrize("kind", sorted(RESPONSE_TYPES))


def test_it_is_valid_openapi() -> None:
    assert API["openapi"] == "3.0.1"
    validate(API)


def test_a5_it_has_the_routes_of_the_functions_and_no_others() -> None:
    served = {
        route: f"{room}.{entry.operation.__name__.removesuffix(f'_{room}')}"
        for room in ROOMS
        for route, entry in import_module(f"chalicelib.{room}.entrypoint").service.routes.items()
    }
    assert {route: operation["operationId"] for route, operation in OPERATIONS.items()} == served


@each_operation
def test_each_route_reaches_the_function_of_its_room(route: str) -> None:
    integration = OPERATIONS[route][INTEGRATION]
    room = OPERATIONS[route]["operationId"].partition(".")[0]
    assert integration["uri"].endswith(f":function:tollgate-${{stage}}-{room}:live/invocations")
    assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST")
    assert 50 <= integration["timeoutInMillis"] <= 29_000


@each_operation
def test_a4_each_route_asks_for_a_scope_and_an_api_key(route: str) -> None:
    security = OPERATIONS[route]["security"]
    if route in OPEN:
        assert security == []
        return
    room = OPERATIONS[route]["operationId"].partition(".")[0]
    right = "read" if route.startswith("GET ") else "write"
    assert security == [{"jwt": [f"{room}:{right}"], "api_key": []}]


def test_every_scope_but_the_functions_own_is_asked_for() -> None:
    asked = {scope for one in OPERATIONS.values() for need in one["security"] for scope in need["jwt"]}
    assert asked == set(SCOPES) - {"external:write"}


@each_operation
def test_each_write_needs_a_key_and_has_its_body_checked(route: str) -> None:
    operation = OPERATIONS[route]
    validator = API["x-amazon-apigateway-request-validators"][operation["x-amazon-apigateway-request-validator"]]
    assert validator["validateRequestParameters"]
    required = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header" and one["required"]}
    is_write = route.startswith(("POST /v1/", "PATCH /v1/"))
    assert required == ({"Idempotency-Key"} if is_write else set())
    assert validator["validateRequestBody"] == is_write
    assert ("requestBody" in operation) == (is_write or route.startswith("POST "))


@each_operation
def test_each_list_takes_the_three_parameters(route: str) -> None:
    operation = OPERATIONS[route]
    query = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    is_list = operation["operationId"].endswith((".list", ".entries", ".history"))
    others = {"accounts.get": {"at", "sequence"}}.get(operation["operationId"], set())
    assert query == ({"limit", "starting_after", "ending_before"} if is_list else others)


@each_resource
def test_each_resource_says_which_methods_it_has(path: str) -> None:
    item = API["paths"][path]
    response = item[ANY][INTEGRATION]["responses"]["default"]
    allow = response["responseParameters"]["method.response.header.Allow"].strip("'")
    assert set(allow.split(", ")) == {verb.upper() for verb in VERBS if verb in item}
    assert item[ANY]["security"] == [], "405 tells nothing, and an authorizer would answer first"
    _check(response["responseTemplates"]["application/json"], 405)


@each_response
def test_a6_each_refusal_of_the_gateway_is_a_problem_document(kind: str) -> None:
    response = API["x-amazon-apigateway-gateway-responses"][kind]
    headers = response["responseParameters"]
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    status = int(response["statusCode"])
    _check(response["responseTemplates"]["application/json"], status)
    assert ("gatewayresponse.header.Retry-After" in headers) == (status == 429)
    assert ("gatewayresponse.header.WWW-Authenticate" in headers) == (status == 401 or kind == "ACCESS_DENIED")


def test_all_types_of_refusals_are_there() -> None:
    assert API["x-amazon-apigateway-gateway-responses"].keys() == RESPONSE_TYPES


def test_a7_there_is_no_cors() -> None:
    assert "Access-Control" not in Path(ROOT / "infra" / "api.yaml").read_text()


def test_the_authorizer_checks_what_the_tokens_say() -> None:
    scheme = API["components"]["securitySchemes"]["jwt"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert (scheme["name"], authorizer["identitySource"]) == (
        "Authorization",
        "method.request.header.Authorization",
    )
    issuer = authorizer["jwtConfiguration"]["issuers"][0]
    assert (issuer["issuer"], issuer["audiences"]) == ("${issuer}", ["${audience}"])
    assert issuer["additionalClaims"][0]["claimName"] == "token_use"
    assert authorizer["jwtConfiguration"]["defaultAlgorithms"] == ["ES256"]
    assert API["x-amazon-apigateway-api-key-source"] == "HEADER"


def test_the_authorizer_can_be_created_as_it_stands() -> None:
    wanted = API["components"]["securitySchemes"]["jwt"]["x-amazon-apigateway-authorizer"]
    model = botocore.session.get_session().get_service_model("apigateway")
    request = {
        "restApiId": "api",
        "name": "jwt",
        "type": wanted["type"].upper(),
        "identitySource": wanted["identitySource"],
        "jwtConfiguration": wanted["jwtConfiguration"],
    }
    shape = model.operation_model("CreateAuthorizer").input_shape
    assert not ParamValidator().validate(request, shape).has_errors()
    assert request["type"] in model.shape_for("AuthorizerType").enum
    assert set(RESPONSE_TYPES) == set(model.shape_for("GatewayResponseType").enum)


def _check(template: str, status: int) -> None:
    # What the gateway puts in as JSON text of its own (messageString comes with its quotes).
    rendered = template.replace("$context.error.messageString", '"message"')
    document = json.loads(re.sub(r"\$context\.[A-Za-z.]+", "value", rendered))
    assert document.keys() - {"errors"} == {"type", "title", "status", "detail", "instance", "code"}
    assert document["status"] == status
    assert document["type"] == TYPE_ROOT + document["code"]
    assert '"instance":"$context.requestId"' in template
    assert document["code"] in CATALOGUE.keys() | GATEWAYS_OWN
