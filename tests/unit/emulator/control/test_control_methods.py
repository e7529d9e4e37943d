"""Methods and what belongs to them: made, read, changed, deleted; a fence that would not stand is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:f/invocations"
)


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


@pytest.fixture
def at(apis: Apis) -> dict[str, str]:
    """A method with a MOCK behind it."""
    api_id = apis.api("/a")
    return {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a"), "httpMethod": "GET"}


def test_a_method_has_what_api_gateway_adds(apis: Apis, at: dict[str, str]) -> None:
    where = at | {"httpMethod": "ANY"}
    made = apis.do("PutMethod", **where, authorizationType="NONE", requestParameters={"method.request.header.a": True})
    assert made == {
        "httpMethod": "ANY",
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        "requestParameters": {"method.request.header.a": True},
    }
    assert apis.do("GetMethod", **where) == made
    with refused("ConflictException", "already exists"):
        apis.do("PutMethod", **where, authorizationType="NONE")
    assert apis.do("DeleteMethod", **where) == {}
    with refused("NotFoundException"):
        apis.do("GetMethod", **where)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"authorizationType": "AWS_IAM"}, "not enforced here"),
        ({"authorizationType": "COGNITO_USER_POOLS"}, "not enforced here"),
        ({"authorizationType": "none"}, "not enforced here"),
        ({"authorizationType": "CUSTOM"}, "requires a valid authorizer"),
        ({"authorizationType": "JWT", "authorizerId": "nobody"}, "requires a valid authorizer"),
        ({"authorizationType": "NONE", "authorizerId": "a"}, "takes no authorizer"),
        ({"authorizationType": "NONE", "authorizationScopes": ["a"]}, "no scopes"),
        ({"authorizationType": "NONE", "requestValidatorId": "x"}, "Request Validator"),
        ({"authorizationType": "NONE", "requestModels": {"application/json": "X"}}, "model identifier"),
        ({"authorizationType": "NONE", "requestParameters": {"header.a": True}}, "mapping expression"),
        ({"authorizationType": "NONE", "requestParameters": {"method.request.body.a": True}}, "mapping expression"),
        ({"authorizationType": "NONE", "httpMethod": "BREW"}, "Invalid HTTP method"),
        ({"authorizationType": "NONE", "httpMethod": "get"}, "Invalid HTTP method"),
    ],
)
def test_a_fence_that_would_not_stand_is_refused(
    apis: Apis, at: dict[str, str], method: dict[str, Any], words: str
) -> None:
    with refused("BadRequestException", words):
        apis.do("PutMethod", **{**at, "httpMethod": "POST", **method})
    with refused("NotFoundException"):
        apis.do("GetMethod", **{**at, "httpMethod": "POST"})


def test_an_authorizer_is_of_the_methods_kind(apis: Apis, at: dict[str, str]) -> None:
    token = apis.do(
        "CreateAuthorizer", restApiId=at["restApiId"], name="t", type="TOKEN",
        authorizerUri=LAMBDA, identitySource="method.request.header.Auth",
    )["id"]  # fmt: skip
    with refused("BadRequestException", "requires a valid authorizer"):
        apis.do("PutMethod", **{**at, "httpMethod": "POST"}, authorizationType="JWT", authorizerId=token)
    apis.do("PutMethod", **{**at, "httpMethod": "POST"}, authorizationType="CUSTOM", authorizerId=token)


@pytest.mark.parametrize(
    ("one", "member", "value"),
    [
        (patch("/apiKeyRequired", "true"), "apiKeyRequired", True),
        (patch("/operationName", "o"), "operationName", "o"),
        (patch("/requestParameters/method.request.querystring.q", "true", "add"), "requestParameters", {"method.request.querystring.q": True}),
        (patch("/requestModels/application~1json", "Empty", "add"), "requestModels", {"application/json": "Empty"}),
    ],
)  # fmt: skip
def test_a_method_is_patched(apis: Apis, at: dict[str, str], one: dict[str, str], member: str, value: Any) -> None:
    assert apis.do("UpdateMethod", **at, patchOperations=[one])[member] == value
    assert apis.do("GetMethod", **at)[member] == value


@pytest.mark.parametrize(
    "one",
    [
        patch("/authorizationType", "AWS_IAM"),
        patch("/authorizationType", op="remove"),
        patch("/httpMethod", "POST"),
        patch("/methodIntegration/type", "HTTP"),
        patch("/requestModels/application~1json", "X", "add"),
    ],
)
def test_a_patch_makes_no_hole(apis: Apis, at: dict[str, str], one: dict[str, str]) -> None:
    before = apis.do("GetMethod", **at)
    with refused("BadRequestException"):
        apis.do("UpdateMethod", **at, patchOperations=[one])
    assert apis.do("GetMethod", **at) == before


def test_an_integration_has_what_api_gateway_adds(apis: Apis, at: dict[str, str]) -> None:
    made = apis.do("PutIntegration", **at, type="AWS_PROXY", integrationHttpMethod="POST", uri=LAMBDA)
    assert made == {
        "type": "AWS_PROXY",
        "httpMethod": "POST",
        "uri": LAMBDA,
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29_000,
        "cacheNamespace": at["resourceId"],
        "cacheKeyParameters": [],
        "integrationResponses": {"200": {"statusCode": "200", "responseTemplates": {"application/json": "/a"}}},
    }
    assert apis.do("GetIntegration", **at) == made


@pytest.mark.parametrize(
    ("integration", "words"),
    [
        ({"type": "HTTP_PROXY"}, "Invalid URI"),
        ({"type": "AWS_PROXY", "uri": LAMBDA}, "HttpMethod must be non-empty"),
        ({"type": "MOCK", "timeoutInMillis": 49}, "between 50 ms and 29000 ms"),
        ({"type": "MOCK", "timeoutInMillis": 29_001}, "between 50 ms and 29000 ms"),
    ],
)
def test_an_integration_leads_somewhere(
    apis: Apis, at: dict[str, str], integration: dict[str, Any], words: str
) -> None:
    with refused("BadRequestException", words):
        apis.do("PutIntegration", **at, **integration)


def test_an_integration_is_patched(apis: Apis, at: dict[str, str]) -> None:
    apis.do("PutIntegration", **at, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://a.test/")
    row = apis.do(
        "UpdateIntegration",
        **at,
        patchOperations=[
            patch("/uri", "http://b.test/"),
            patch("/httpMethod", "PUT"),
            patch("/timeoutInMillis", "50"),
            patch("/requestParameters/integration.request.header.x", "'y'", "add"),
        ],
    )
    assert (row["uri"], row["httpMethod"], row["timeoutInMillis"]) == ("http://b.test/", "PUT", 50)
    assert row["requestParameters"] == {"integration.request.header.x": "'y'"}
    for one in (patch("/uri", op="remove"), patch("/timeoutInMillis", op="remove"), patch("/type", "SOAP")):
        with refused("BadRequestException"):
            apis.do("UpdateIntegration", **at, patchOperations=[one])
    assert apis.do("GetIntegration", **at) == row


def test_an_integration_goes(apis: Apis, at: dict[str, str]) -> None:
    assert apis.do("DeleteIntegration", **at) == {}
    for operation in ("GetIntegration", "DeleteIntegration"):
        with refused("NotFoundException", "Invalid Integration identifier"):
            apis.do(operation, **at)


@pytest.mark.parametrize(("noun", "path"), [("MethodResponse", "/responseParameters/method.response.header.a"), ("IntegrationResponse", "/responseParameters/method.response.header.a")])  # fmt: skip
def test_a_response_is_made_read_patched_and_deleted(apis: Apis, at: dict[str, str], noun: str, path: str) -> None:
    where = at | {"statusCode": "404"}
    if noun == "IntegrationResponse":
        with refused("NotFoundException", "status code"):
            apis.do("PutIntegrationResponse", **where)
        apis.do("PutMethodResponse", **where)
    assert apis.do(f"Put{noun}", **where) == {"statusCode": "404"}
    value: Any = "true" if noun == "MethodResponse" else "'b'"
    row = apis.do(f"Update{noun}", **where, patchOperations=[patch(path, value, "add")])
    assert row["responseParameters"] == {"method.response.header.a": True if noun == "MethodResponse" else "'b'"}
    assert apis.do(f"Get{noun}", **where) == row
    assert apis.do(f"Delete{noun}", **where) == {}
    for operation in (f"Get{noun}", f"Delete{noun}"):
        with refused("NotFoundException", "status code"):
            apis.do(operation, **where)


def test_a_method_response_is_made_once(apis: Apis, at: dict[str, str]) -> None:
    with refused("ConflictException"):
        apis.do("PutMethodResponse", **at, statusCode="200")
