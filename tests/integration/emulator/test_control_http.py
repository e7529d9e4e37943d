"""What the control plane refuses, how it says so, what it lists, and what it keeps over a restart."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.doubles.control_planes import Apis, patch, serving
from tests.doubles.deployed_api import Stand, deployed, keyed, made
from tests.doubles.gateway import header


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    apis = Apis(tmp_path)
    with serving([apis.plane]) as endpoint:
        yield Stand(apis, endpoint)


# --- what is not served ----------------------------------------------------------------------------------------------


def refusals(stand: Stand, api_id: str) -> dict[str, Any]:
    """What would set up each fence that is not enforced here."""
    aws = stand.aws
    resource = next(row for row in aws.get_resources(restApiId=api_id)["items"] if row["path"] == "/a")["id"]
    at = {"restApiId": api_id, "resourceId": resource, "httpMethod": "GET"}
    stage = {"restApiId": api_id, "stageName": "s"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    uri = "http://a.test/"

    def integrated(**more: Any) -> None:
        aws.put_integration(**at, type="HTTP_PROXY", integrationHttpMethod="GET", uri=uri, **more)

    return {
        "policy": lambda: aws.update_rest_api(restApiId=api_id, patchOperations=[patch("/policy", policy)]),
        "AWS_IAM": lambda: aws.put_method(**{**at, "httpMethod": "PUT"}, authorizationType="AWS_IAM"),
        "COGNITO_USER_POOLS": lambda: aws.create_authorizer(
            restApiId=api_id, name="c", type="COGNITO_USER_POOLS", providerARNs=["arn"]
        ),
        "canarySettings": lambda: aws.create_deployment(**stage, canarySettings={"percentTraffic": 10.0}),
        "cache": lambda: aws.create_deployment(**stage, cacheClusterEnabled=True),
        "connectionType": lambda: integrated(connectionType="VPC_LINK", connectionId="v"),
        "tlsConfig": lambda: integrated(tlsConfig={"insecureSkipVerification": True}),
        "webAclArn": lambda: aws.update_stage(**stage, patchOperations=[patch("/webAclArn", "arn")]),
        "disableExecuteApiEndpoint": lambda: aws.create_rest_api(name="x", disableExecuteApiEndpoint=True),
        "PRIVATE": lambda: aws.create_rest_api(name="x", endpointConfiguration={"types": ["PRIVATE"]}),
    }


@pytest.mark.parametrize(
    "word",
    [
        "policy", "AWS_IAM", "COGNITO_USER_POOLS", "canarySettings", "cache", "connectionType", "tlsConfig",
        "webAclArn", "disableExecuteApiEndpoint", "PRIVATE",
    ],
)  # fmt: skip
def test_a_fence_that_is_not_enforced_is_refused_with_words(stand: Stand, word: str) -> None:
    api_id = deployed(stand)

    def set_up_and_deploy() -> None:
        refusals(stand, api_id)[word]()
        stand.aws.create_deployment(restApiId=api_id, stageName="s")

    with pytest.raises(stand.aws.exceptions.BadRequestException, match=word):
        set_up_and_deploy()
    assert stand.status(api_id, "/a") == 200


@pytest.mark.parametrize("operation", ["get_vpc_links", "get_domain_names", "get_client_certificates"])
def test_an_operation_that_is_not_served_is_said(stand: Stand, operation: str) -> None:
    with pytest.raises(ClientError, match="is not served here") as refused:
        getattr(stand.aws, operation)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


# --- errors ----------------------------------------------------------------------------------------------------------


def test_each_error_is_the_exception_that_boto3_knows(stand: Stand) -> None:
    aws = stand.aws
    api_id = deployed(stand)
    root = aws.get_rest_api(restApiId=api_id)["rootResourceId"]
    cases: list[tuple[str, int, Any]] = [
        ("NotFoundException", 404, lambda: aws.get_rest_api(restApiId="nothing")),
        ("NotFoundException", 404, lambda: aws.get_stage(restApiId=api_id, stageName="nothing")),
        ("ConflictException", 409, lambda: aws.create_resource(restApiId=api_id, parentId=root, pathPart="a")),
        ("BadRequestException", 400, lambda: aws.create_resource(restApiId=api_id, parentId=root, pathPart="a b")),
        ("BadRequestException", 400, lambda: aws.create_rest_api(name="a", apiKeySource="BODY")),
        ("BadRequestException", 400, lambda: aws.get_rest_apis(limit=0)),
    ]
    for code, status, call in cases:
        with pytest.raises(getattr(aws.exceptions, code)) as refused:
            call()
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
        assert answer["Error"]["Message"]


def exchange(stand: Stand, head: bytes, *pieces: bytes) -> bytes:
    """What is answered to these bytes, read to its end."""
    host, _, port = stand.endpoint.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(head)
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    return answer


def test_a_body_that_is_no_json_and_one_that_is_too_large(stand: Stand) -> None:
    head = b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
    assert b" 400 " in exchange(stand, head + b"1\r\n\r\n", b"{").splitlines()[0]
    megabyte = b" " * 1024 * 1024
    large = exchange(stand, head + str(100 * len(megabyte)).encode() + b"\r\n\r\n", *[megabyte] * 100)
    assert b" 413 " in large.splitlines()[0]
    assert stand.aws.get_rest_apis()["items"] == []


def test_half_an_upload_changes_nothing(stand: Stand) -> None:
    api_id = deployed(stand)
    text = b"openapi: 3.0.1\npaths: {}\n"
    head = f"PUT /restapis/{api_id}?mode=overwrite HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    exchange(stand, head.encode(), text)
    assert [row["path"] for row in stand.aws.get_resources(restApiId=api_id)["items"]] == ["/", "/a"]


# --- lists and restarts ----------------------------------------------------------------------------------------------


def test_paginators_see_everything(stand: Stand) -> None:
    api_id = made(stand)
    root = stand.aws.get_rest_api(restApiId=api_id)["rootResourceId"]
    for number in range(60):
        stand.aws.create_resource(restApiId=api_id, parentId=root, pathPart=f"r{number}")
    pages = list(stand.aws.get_paginator("get_resources").paginate(restApiId=api_id))
    assert [len(page["items"]) for page in pages] == [25, 25, 12]
    assert len({row["id"] for page in pages for row in page["items"]}) == 62
    assert len(stand.aws.get_resources(restApiId=api_id, limit=500)["items"]) == 62
    for name in ("get_rest_apis", "get_api_keys", "get_usage_plans"):
        assert [len(page["items"]) for page in stand.aws.get_paginator(name).paginate()] == [name == "get_rest_apis"]


def test_everything_is_put_back_after_a_restart(stand: Stand) -> None:
    aws = stand.aws
    api_id = deployed(stand, apiKeyRequired=True)
    plan, key = keyed(stand, api_id)
    aws.tag_resource(resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api_id}", tags={"team": "a b/ü"})
    before = told(aws, api_id, plan)
    again = Apis(stand.apis.folder)
    with serving([again.plane]) as endpoint:
        after = Stand(again, endpoint)
        assert told(after.aws, api_id, plan) == before
        assert after.status(api_id, "/a", x_api_key=key) == 200
        after.aws.delete_rest_api(restApiId=api_id)
    assert Apis(stand.apis.folder).do("GetRestApis") == {"items": []}
    assert [file.name for file in stand.apis.folder.iterdir() if api_id in file.name] == []


def told(aws: Any, api_id: str, plan: str) -> list[Any]:
    answers = [
        aws.get_rest_apis(),
        aws.get_resources(restApiId=api_id, embed=["methods"]),
        aws.get_stages(restApiId=api_id),
        aws.get_deployments(restApiId=api_id),
        aws.get_usage_plan(usagePlanId=plan),
        aws.get_usage_plan_keys(usagePlanId=plan),
        aws.get_api_keys(includeValues=True),
        aws.get_tags(resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"),
    ]
    for answer in answers:
        del answer["ResponseMetadata"]
    return answers


def test_many_at_once_lose_nothing(stand: Stand) -> None:
    api_id = made(stand)
    root = stand.aws.get_rest_api(restApiId=api_id)["rootResourceId"]

    def add(number: int) -> str:
        found: str = stand.aws.create_resource(restApiId=api_id, parentId=root, pathPart=f"r{number}")["id"]
        return found

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(add, range(40)))
    assert len(ids) == 40
    assert ids <= {row["id"] for row in stand.aws.get_resources(restApiId=api_id, limit=500)["items"]}
    assert ids <= Apis(stand.apis.folder).plane.releases.catalog.apis[api_id]["resources"].keys()


def test_a_reply_comes_from_the_gateway(stand: Stand) -> None:
    reply = stand.ask(deployed(stand), "/a")
    assert header(reply, "x-amzn-RequestId")
    nowhere = stand.ask("nothing", "/a")
    assert (nowhere.status, nowhere.body, header(nowhere, "x-amzn-ErrorType")) == (
        403, b'{"message":"Forbidden"}', "ForbiddenException",
    )  # fmt: skip
