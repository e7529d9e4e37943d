"""Deployments are pictures, and stages serve one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused

FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.name}/invocations"
)


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


@pytest.fixture
def api_id(apis: Apis) -> str:
    return apis.api("/a")


def status(apis: Apis, api_id: str, path: str, stage: str = "s") -> int:
    return apis.ask("GET", f"/_aws/execute-api/{api_id}/{stage}{path}").status


def by_variable(apis: Apis, api_id: str) -> None:
    """A function that the stage names, behind GET /f."""
    resource = apis.add(api_id, "/f")
    at = {"restApiId": api_id, "resourceId": resource, "httpMethod": "GET"}
    apis.do("DeleteIntegration", **at)
    apis.do("PutIntegration", **at, type="AWS_PROXY", integrationHttpMethod="POST", uri=FUNCTION)


def test_a_stage_has_what_api_gateway_adds(apis: Apis, api_id: str) -> None:
    deployment = apis.do("CreateDeployment", restApiId=api_id, description="first")
    stage = apis.do("CreateStage", restApiId=api_id, stageName="s", deploymentId=deployment["id"], tags={"a": "b"})
    assert stage == {
        "stageName": "s",
        "deploymentId": deployment["id"],
        "methodSettings": {},
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "tracingEnabled": False,
        "tags": {"a": "b"},
        "createdDate": apis.time.wall_at // 1_000,
        "lastUpdatedDate": apis.time.wall_at // 1_000,
    }
    assert apis.do("GetStage", restApiId=api_id, stageName="s") == stage
    assert apis.do("GetStages", restApiId=api_id) == {"item": [stage]}
    assert apis.do("GetStages", restApiId=api_id, deploymentId="other") == {"item": []}
    assert deployment == {"id": deployment["id"], "createdDate": apis.time.wall_at // 1_000, "description": "first"}


def test_a_method_setting_is_shown_with_its_defaults(apis: Apis, api_id: str) -> None:
    apis.deploy(api_id)
    one = patch("/~1a/GET/throttling/burstLimit", "3")
    stage = apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[one])
    assert stage["methodSettings"] == {
        "~1a/GET": {
            "metricsEnabled": False,
            "loggingLevel": "OFF",
            "dataTraceEnabled": False,
            "throttlingBurstLimit": 3,
            "throttlingRateLimit": 10_000,
            "cachingEnabled": False,
            "cacheTtlInSeconds": 300,
            "cacheDataEncrypted": False,
            "requireAuthorizationForCacheControl": True,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }


def test_a_deployment_tells_how_its_methods_were_fenced(apis: Apis, api_id: str) -> None:
    deployment = apis.deploy(api_id)
    apis.add(api_id, "/later", apiKeyRequired=True)
    at: dict[str, Any] = {"restApiId": api_id, "deploymentId": deployment}
    assert "apiSummary" not in apis.do("GetDeployment", **at)
    summary = apis.do("GetDeployment", **at, embed=["apisummary"])["apiSummary"]
    assert summary == {"/a": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}


def test_a_deployment_is_a_picture(apis: Apis, api_id: str) -> None:
    first = apis.deploy(api_id)
    apis.add(api_id, "/b")
    assert (status(apis, api_id, "/a"), status(apis, api_id, "/b")) == (200, 403)
    second = apis.deploy(api_id)
    assert status(apis, api_id, "/b") == 200
    apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[patch("/deploymentId", first)])
    assert status(apis, api_id, "/b") == 403
    with refused("BadRequestException", "Active stages"):
        apis.do("DeleteDeployment", restApiId=api_id, deploymentId=first)
    assert apis.do("DeleteDeployment", restApiId=api_id, deploymentId=second) == {}
    assert [row["id"] for row in apis.do("GetDeployments", restApiId=api_id)["items"]] == [first]
    for operation in ("GetDeployment", "DeleteDeployment"):
        with refused("NotFoundException"):
            apis.do(operation, restApiId=api_id, deploymentId=second)
    with refused("NotFoundException"):
        apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[patch("/deploymentId", second)])


def test_a_deployment_to_a_stage_that_is_there_keeps_its_settings(apis: Apis, api_id: str) -> None:
    apis.deploy(api_id, variables={"a": "1"}, stageDescription="d")
    throttle = patch("/*/*/throttling/rateLimit", "5")
    apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[throttle])
    before = apis.do("GetStage", restApiId=api_id, stageName="s")
    apis.time.advance(5_000)
    second = apis.deploy(api_id)
    after = apis.do("GetStage", restApiId=api_id, stageName="s")
    changed = {"deploymentId": second, "lastUpdatedDate": before["lastUpdatedDate"] + 5}
    assert after == {**before, **changed}


def test_an_api_is_complete_before_it_is_deployed(apis: Apis, api_id: str) -> None:
    with refused("BadRequestException", "doesn't contain any methods"):
        apis.deploy(apis.api())
    at = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/b"), "httpMethod": "GET"}
    apis.do("PutMethod", **at, authorizationType="NONE")
    with refused("BadRequestException", "No integration defined for method GET /b"):
        apis.deploy(api_id)
    assert apis.do("GetStages", restApiId=api_id) == {"item": []}
    assert not list(apis.folder.glob("*-deployment-*"))


def test_a_description_is_patched(apis: Apis, api_id: str) -> None:
    at = {"restApiId": api_id, "deploymentId": apis.deploy(api_id)}
    assert apis.do("UpdateDeployment", **at, patchOperations=[patch("/description", "x")])["description"] == "x"
    for path in ("/apiSummary", "/id", "/createdDate"):
        with refused("BadRequestException"):
            apis.do("UpdateDeployment", **at, patchOperations=[patch(path, "x")])


def test_what_names_variables_waits_for_its_stage(apis: Apis, api_id: str) -> None:
    by_variable(apis, api_id)
    deployment = apis.do("CreateDeployment", restApiId=api_id)["id"]
    with refused("BadRequestException", "stageVariables.name"):
        apis.do("CreateStage", restApiId=api_id, stageName="s", deploymentId=deployment)
    named = {"deploymentId": deployment, "variables": {"name": "green"}}
    apis.do("CreateStage", restApiId=api_id, stageName="s", **named)
    assert status(apis, api_id, "/f") == 200
    apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[patch("/variables/name", "blue")])
    assert status(apis, api_id, "/f") == 200
    assert apis.functions.names == ["green", "blue"]
    with refused("BadRequestException", "stageVariables.name"):
        one = patch("/variables/name", op="remove")
        apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[one])


@pytest.mark.parametrize(
    "variables", [{"a b": "1"}, {"a": 'x", "uri": "y'}, {"a": "x\n"}, {"a": "${stage}"}, {"a-b": "1"}]
)
def test_a_variable_says_no_more_than_a_name(apis: Apis, api_id: str, variables: dict[str, str]) -> None:
    deployment = apis.deploy(api_id, "other")
    with refused("BadRequestException", "Stage variable"):
        apis.do("CreateStage", restApiId=api_id, stageName="s", deploymentId=deployment, variables=variables)
    with refused("BadRequestException", "Stage variable"):
        apis.deploy(api_id, variables=variables)


@pytest.mark.parametrize(
    "more",
    [{"canarySettings": {"percentTraffic": 5.0}}, {"cacheClusterEnabled": True}, {"cacheClusterSize": "0.5"}],
)
@pytest.mark.parametrize("operation", ["CreateDeployment", "CreateStage"])
def test_what_is_not_served_is_refused(apis: Apis, api_id: str, operation: str, more: dict[str, Any]) -> None:
    more = more | ({"deploymentId": apis.deploy(api_id, "other")} if operation == "CreateStage" else {})
    with refused("BadRequestException", "not served here"):
        apis.do(operation, restApiId=api_id, stageName="s", **more)


@pytest.mark.parametrize(
    "one",
    [
        patch("/canarySettings/percentTraffic", "5"),
        patch("/cacheClusterEnabled", "true"),
        patch("/*/*/caching/enabled", "true"),
        patch("/webAclArn", "arn"),
        patch("/clientCertificateId", "x"),
        patch("/stageName", "x"),
        patch("/methodSettings", "x"),
        patch("/~1nothing/GET/throttling/rateLimit", "5"),
        patch("/~1a/POST/throttling/rateLimit", "5"),
    ],
)
def test_a_patch_of_what_is_not_served_is_refused(apis: Apis, api_id: str, one: dict[str, str]) -> None:
    apis.deploy(api_id)
    before = apis.do("GetStage", restApiId=api_id, stageName="s")
    with refused("BadRequestException"):
        apis.do("UpdateStage", restApiId=api_id, stageName="s", patchOperations=[one])
    assert apis.do("GetStage", restApiId=api_id, stageName="s") == before


def test_a_schema_that_is_none_is_refused_before_it_is_deployed(apis: Apis, api_id: str) -> None:
    validator = apis.do("CreateRequestValidator", restApiId=api_id, validateRequestBody=True)["id"]
    for name, schema in (("Bad", '{"type": "nothing"}'), ("Lost", '{"$ref": "https://elsewhere.test/x"}')):
        apis.do("CreateModel", restApiId=api_id, name=name, contentType="application/json", schema=schema)
        models = {"application/json": name}
        apis.add(api_id, f"/{name}", "POST", requestValidatorId=validator, requestModels=models)
        with refused("BadRequestException", "cannot be deployed here"):
            apis.deploy(api_id)
        apis.do("DeleteResource", restApiId=api_id, resourceId=apis.resource(api_id, f"/{name}"))
    apis.deploy(api_id)


@pytest.mark.parametrize("name", ["a b", "a/b", "é", "a.b", "x" * 129])
def test_a_stage_has_its_letters(apis: Apis, api_id: str, name: str) -> None:
    with refused("BadRequestException", "Stage name"):
        apis.deploy(api_id, name)


def test_a_stage_is_made_once_and_goes(apis: Apis, api_id: str) -> None:
    deployment = apis.deploy(api_id)
    with refused("ConflictException", "Stage already exists"):
        apis.do("CreateStage", restApiId=api_id, stageName="s", deploymentId=deployment)
    with refused("NotFoundException"):
        apis.do("CreateStage", restApiId=api_id, stageName="t", deploymentId="nothing")
    assert apis.do("FlushStageAuthorizersCache", restApiId=api_id, stageName="s") == {}
    assert status(apis, api_id, "/a") == 200
    assert apis.do("DeleteStage", restApiId=api_id, stageName="s") == {}
    assert status(apis, api_id, "/a") == 403
    for operation in ("GetStage", "DeleteStage", "FlushStageAuthorizersCache", "UpdateStage"):
        with refused("NotFoundException"):
            apis.do(operation, restApiId=api_id, stageName="s")
