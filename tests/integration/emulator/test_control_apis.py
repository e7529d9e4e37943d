"""boto3 deploys to this machine over HTTP, and what it deployed is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.gateway.context import Reply, Request
from tests.doubles.control_planes import Apis, patch, serving
from tests.doubles.deployed_api import Stand, deployed, keyed, made
from tests.doubles.gateway import ACCOUNT, AUDIENCE, ISSUER, claims, mint
from tests.law.source import ROOT

JWT = {
    "name": "jwt",
    "type": "JWT",
    "identitySource": "method.request.header.Authorization",
    "jwtConfiguration": {
        "issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE]}],
        "defaultAlgorithms": ["ES256"],
    },
}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    apis = Apis(tmp_path)
    with serving([apis.plane]) as endpoint:
        yield Stand(apis, endpoint)


def platform() -> bytes:
    """The definition that is deployed, with its variables put in."""
    text = (ROOT / "infra" / "api.yaml").read_text()
    values = {"region": "us-east-1", "account": ACCOUNT, "stage": "dev", "issuer": ISSUER, "audience": AUDIENCE}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text.encode()


# --- the platform ----------------------------------------------------------------------------------------------------


def test_the_platform_by_its_definition(stand: Stand) -> None:
    api = stand.aws.import_rest_api(body=platform())
    api_id = api["id"]
    assert api["name"] == "tollgate"
    stand.aws.create_deployment(restApiId=api_id, stageName="dev")
    _, key = keyed(stand, api_id, "dev")
    assert stand.status(api_id, "/v1/health", "dev") == 200
    assert stand.status(api_id, "/v1/health", "dev", verb="PUT") == 405
    bearer = f"Bearer {mint(claims(scope='accounts:read'))}"
    assert stand.status(api_id, "/v1/accounts", "dev") == 401
    assert stand.status(api_id, "/v1/accounts", "dev", Authorization="Bearer x", x_api_key=key) == 401
    assert stand.status(api_id, "/v1/accounts", "dev", Authorization=bearer) == 403
    assert stand.status(api_id, "/v1/accounts", "dev", Authorization=bearer, x_api_key=key) == 200
    wrong_scope = f"Bearer {mint(claims(scope='payments:read'))}"
    answer = stand.ask(api_id, "/v1/accounts", "dev", Authorization=wrong_scope, x_api_key=key)
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "insufficient_scope")
    assert stand.apis.functions.names == ["tollgate-dev-accounts:live", "tollgate-dev-accounts:live"]
    event = stand.apis.functions.events[-1]
    assert (event["path"], event["requestContext"]["stage"], event["requestContext"]["apiId"]) == (
        "/v1/accounts",
        "dev",
        api_id,
    )


def test_the_platform_validates_as_it_says(stand: Stand) -> None:
    api_id = stand.aws.import_rest_api(body=platform())["id"]
    stand.aws.create_deployment(restApiId=api_id, stageName="dev")
    _, key = keyed(stand, api_id, "dev")
    signed = {"Authorization": f"Bearer {mint(claims(scope='accounts:write'))}", "x_api_key": key}
    good = {"verb": "POST", **signed, "Idempotency_Key": "k", "Content_Type": "application/json"}
    assert stand.status(api_id, "/v1/accounts", "dev", body=b'{"currency": "EUR", "kind": "wallet"}', **good) == 200
    assert stand.status(api_id, "/v1/accounts", "dev", body=b'{"currency": "EUR"}', **good) == 400
    del good["Idempotency_Key"]
    assert stand.status(api_id, "/v1/accounts", "dev", body=b'{"currency": "EUR", "kind": "wallet"}', **good) == 400


def test_the_platform_is_exported_as_it_was_deployed(stand: Stand) -> None:
    api_id = stand.aws.import_rest_api(body=platform())["id"]
    stand.aws.create_deployment(restApiId=api_id, stageName="dev")
    asked = {"restApiId": api_id, "stageName": "dev", "exportType": "oas30", "parameters": {"extensions": "apigateway"}}
    first = stand.aws.get_export(**asked)["body"].read()
    written = yaml.safe_load(platform())
    assert json.loads(first)["paths"].keys() == written["paths"].keys()
    again = stand.aws.import_rest_api(body=first)["id"]
    stand.aws.create_deployment(restApiId=again, stageName="dev")
    one = stand.apis.live.gateway((api_id, "dev"))
    two = stand.apis.live.gateway((again, "dev"))
    assert one is not None
    assert two is not None
    labels = {
        method.label: (method.scopes, method.api_key_required, method.models) for method in one.deployment.api.methods
    }
    assert {m.label: (m.scopes, m.api_key_required, m.models) for m in two.deployment.api.methods} == labels


# --- fences, call by call --------------------------------------------------------------------------------------------


def test_a_jwt_authorizer_lands(stand: Stand) -> None:
    aws = stand.aws
    api_id = made(stand)
    authorizer = aws.create_authorizer(restApiId=api_id, **JWT)
    assert authorizer["jwtConfiguration"]["issuers"][0]["jwksUri"] == "https://issuer.test/keys"
    resource = next(row for row in aws.get_resources(restApiId=api_id)["items"] if row["path"] == "/a")["id"]
    aws.update_method(
        restApiId=api_id, resourceId=resource, httpMethod="GET",
        patchOperations=[
            patch("/authorizationType", "JWT"),
            patch("/authorizerId", authorizer["id"]),
            patch("/authorizationScopes", "things:read", "add"),
        ],
    )  # fmt: skip
    aws.create_deployment(restApiId=api_id, stageName="s")
    assert stand.status(api_id, "/a") == 401
    assert stand.status(api_id, "/a", Authorization=f"Bearer {mint(claims(scope='other'))}") == 403
    assert stand.status(api_id, "/a", Authorization=f"Bearer {mint(claims(aud='other'))}") == 401
    assert stand.status(api_id, "/a", Authorization=f"Bearer {mint()}") == 200


def test_a_key_is_asked_for(stand: Stand) -> None:
    api_id = deployed(stand, apiKeyRequired=True)
    _, key = keyed(stand, api_id)
    assert stand.status(api_id, "/a") == 403
    assert stand.status(api_id, "/a", x_api_key="x" * 20) == 403
    assert stand.status(api_id, "/a", x_api_key=key) == 200
    stranger = stand.aws.create_api_key(name="s", enabled=True)["value"]
    assert stand.status(api_id, "/a", x_api_key=stranger) == 403


def test_a_plan_throttles_each_key(stand: Stand) -> None:
    api_id = deployed(stand, apiKeyRequired=True)
    plan, key = keyed(stand, api_id, throttle={"rateLimit": 1.0, "burstLimit": 2})
    other = stand.aws.create_api_key(name="o", enabled=True)
    stand.aws.create_usage_plan_key(usagePlanId=plan, keyId=other["id"], keyType="API_KEY")
    assert [stand.status(api_id, "/a", x_api_key=key) for _ in range(3)] == [200, 200, 429]
    assert stand.status(api_id, "/a", x_api_key=other["value"]) == 200
    stand.apis.time.advance(1_000)
    assert stand.status(api_id, "/a", x_api_key=key) == 200


def test_a_quota_outlives_changes_and_a_restart(stand: Stand) -> None:
    api_id = deployed(stand, apiKeyRequired=True)
    plan, key = keyed(stand, api_id, quota={"limit": 3, "period": "DAY"})
    assert stand.status(api_id, "/a", x_api_key=key) == 200
    stand.aws.create_deployment(restApiId=api_id, stageName="s")
    assert stand.status(api_id, "/a", x_api_key=key) == 200
    stand.aws.update_usage_plan(usagePlanId=plan, patchOperations=[patch("/throttle/rateLimit", "100")])
    stand.apis.live.save()
    again = Apis(stand.apis.folder)
    path = f"/_aws/execute-api/{api_id}/s/a"
    answers = [again.ask("GET", path, {"x-api-key": key}) for _ in range(2)]
    assert [reply.status for reply in answers] == [200, 429]
    assert answers[-1].body == b'{"message":"Limit Exceeded"}'
    again.time.advance(86_400_000)
    assert again.ask("GET", path, {"x-api-key": key}).status == 200


@pytest.mark.parametrize("setting", ["/~1a/GET", "/*/*"])
@pytest.mark.parametrize("limits", [{"rateLimit": "1", "burstLimit": "1"}, {"burstLimit": "1"}])
def test_a_stage_throttles(stand: Stand, setting: str, limits: dict[str, str]) -> None:
    api_id = deployed(stand)
    patches = [patch(f"{setting}/throttling/{name}", value) for name, value in limits.items()]
    stand.aws.update_stage(restApiId=api_id, stageName="s", patchOperations=patches)
    assert [stand.status(api_id, "/a") for _ in range(2)] == [200, 429]
    off = [patch(f"{setting}/throttling/{name}", "-1") for name in limits]
    stand.aws.update_stage(restApiId=api_id, stageName="s", patchOperations=off)
    assert [stand.status(api_id, "/a") for _ in range(2)] == [200, 200]


# --- stages ----------------------------------------------------------------------------------------------------------


def test_a_stage_names_its_functions(stand: Stand) -> None:
    api_id = made(stand, function="${stageVariables.name}")
    deployment = stand.aws.create_deployment(restApiId=api_id)["id"]
    for stage, name in (("blue", "f-blue"), ("green", "f-green")):
        stand.aws.create_stage(restApiId=api_id, stageName=stage, deploymentId=deployment, variables={"name": name})
    assert [stand.status(api_id, "/a", stage) for stage in ("blue", "green")] == [200, 200]
    assert stand.apis.functions.names == ["f-blue", "f-green"]
    assert stand.apis.functions.events[0]["stageVariables"] == {"name": "f-blue"}


def test_a_stage_writes_its_own_log(stand: Stand) -> None:
    api_id = deployed(stand)
    assert stand.status(api_id, "/a") == 200
    assert stand.apis.log == []
    log = [patch("/accessLogSettings/format", "$context.httpMethod $context.stage $context.status")]
    stand.aws.update_stage(restApiId=api_id, stageName="s", patchOperations=log)
    stand.status(api_id, "/a")
    asyncio.run(stand.apis.live.close())
    assert b"".join(stand.apis.log) == b"GET s 200\n"


def test_stages_and_apis_do_not_see_one_another(stand: Stand) -> None:
    one, two = deployed(stand, function="one"), deployed(stand, function="two", apiKeyRequired=True)
    stand.aws.create_deployment(restApiId=one, stageName="t")
    _, key = keyed(stand, two)
    slow = [patch("/*/*/throttling/rateLimit", "0"), patch("/*/*/throttling/burstLimit", "0")]
    stand.aws.update_stage(restApiId=one, stageName="t", patchOperations=slow)
    assert [stand.status(one, "/a"), stand.status(one, "/a", "t"), stand.status(two, "/a")] == [200, 429, 403]
    assert stand.status(two, "/a", x_api_key=key) == 200
    assert stand.apis.functions.names == ["one", "two"]
    assert stand.status(two, "/a", "t", x_api_key=key) == 403
    stand.aws.delete_stage(restApiId=one, stageName="s")
    assert [stand.status(one, "/a"), stand.status(one, "/a", "t")] == [403, 429]
    stand.aws.delete_rest_api(restApiId=one)
    assert [stand.status(one, "/a", "t"), stand.status(two, "/a", x_api_key=key)] == [403, 200]


@pytest.mark.parametrize("change", ["create_deployment", "delete_stage", "delete_rest_api"])
def test_a_request_in_flight_is_finished_as_it_began(stand: Stand, change: str) -> None:
    api_id = deployed(stand)
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> dict[str, Any]:
        at_work.set()
        await go_on.wait()
        return {"statusCode": 200, "body": "old"}

    stand.apis.functions.handler = lambda _: slow()

    async def meanwhile() -> tuple[Reply, Reply]:
        path = f"/_aws/execute-api/{api_id}/s/a"
        raw = [(b"Host", b"localhost")]
        begun = asyncio.create_task(stand.apis.live.handle(Request("GET", path, b"", raw, b"", "127.0.0.1")))
        await at_work.wait()
        named = {"create_deployment": {"stageName": "s"}, "delete_stage": {"stageName": "s"}, "delete_rest_api": {}}[
            change
        ]
        await asyncio.to_thread(getattr(stand.aws, change), restApiId=api_id, **named)
        stand.apis.functions.handler = lambda _: {"statusCode": 200, "body": "new"}
        later = await stand.apis.live.handle(Request("GET", path, b"", raw, b"", "127.0.0.1"))
        go_on.set()
        return await begun, later

    begun, later = asyncio.run(meanwhile())
    assert (begun.status, begun.body) == (200, b"old")
    assert later.status == (200 if change == "create_deployment" else 403)
    assert not stand.apis.live.lingering


def test_one_stage_stands_at_the_root(tmp_path: Path) -> None:
    apis = Apis(tmp_path, front=("front", "s"))
    with serving([apis.plane]) as endpoint:
        stand = Stand(apis, endpoint)
        first, other = deployed(stand, name="front"), deployed(stand, function="other")
        assert apis.ask("GET", "/a").status == 200
        assert [stand.status(first, "/a"), stand.status(other, "/a")] == [200, 200]
        second = deployed(stand, name="front", function="second")
        assert [apis.ask("GET", "/a").status, stand.status(first, "/a"), stand.status(second, "/a")] == [200] * 3
        assert apis.functions.names == ["f", "f", "other", "second", "f", "second"]
        stand.aws.delete_rest_api(restApiId=second)
        assert apis.ask("GET", "/a").status == 403
        assert stand.status(first, "/a") == 200
