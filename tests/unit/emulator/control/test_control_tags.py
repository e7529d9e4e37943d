"""Tags of what has them, and the account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused

ARN = "arn:aws:apigateway:us-east-1::"


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


def arns(apis: Apis) -> dict[str, str]:
    api_id = apis.api("/a")
    apis.deploy(api_id)
    plan, key = apis.do("CreateUsagePlan", name="p")["id"], apis.do("CreateApiKey", name="k")["id"]
    return {
        "api": f"{ARN}/restapis/{api_id}",
        "stage": f"{ARN}/restapis/{api_id}/stages/s",
        "plan": f"{ARN}/usageplans/{plan}",
        "key": f"{ARN}/apikeys/{key}",
    }


@pytest.mark.parametrize("kind", ["api", "stage", "plan", "key"])
def test_tags_are_put_and_taken(apis: Apis, kind: str) -> None:
    arn = arns(apis)[kind]
    assert apis.do("GetTags", resourceArn=arn) == {"tags": {}}
    apis.do("TagResource", resourceArn=arn, tags={"a": "1", "b": "2"})
    apis.do("TagResource", resourceArn=arn, tags={"b": "3"})
    apis.do("UntagResource", resourceArn=arn, tagKeys=["a", "nothing"])
    assert apis.do("GetTags", resourceArn=arn) == {"tags": {"b": "3"}}
    assert Apis(apis.folder).do("GetTags", resourceArn=arn) == {"tags": {"b": "3"}}


def test_looking_writes_nothing(apis: Apis) -> None:
    named = arns(apis)
    before = {file: file.stat().st_mtime_ns for file in apis.folder.iterdir()}
    for arn in named.values():
        apis.do("GetTags", resourceArn=arn)
    assert {file: file.stat().st_mtime_ns for file in apis.folder.iterdir()} == before


@pytest.mark.parametrize(
    "arn", ["", "restapis/a", f"{ARN}/restapis", f"{ARN}/vpclinks/a", f"{ARN}/restapis/a/models/b/c", "arn:aws:s3:::a"]
)
def test_an_arn_of_nothing_is_refused(apis: Apis, arn: str) -> None:
    with refused("BadRequestException"):
        apis.do("GetTags", resourceArn=arn)


@pytest.mark.parametrize("path", ["/restapis/a", "/usageplans/a", "/apikeys/a", "/restapis/a/stages/b"])
@pytest.mark.parametrize("operation", ["GetTags", "TagResource", "UntagResource"])
def test_what_is_not_there_has_no_tags(apis: Apis, operation: str, path: str) -> None:
    all_more: dict[str, dict[str, Any]] = {"TagResource": {"tags": {"a": "b"}}, "UntagResource": {"tagKeys": ["a"]}}
    more = all_more.get(operation, {})
    with refused("NotFoundException"):
        apis.do(operation, resourceArn=ARN + path, **more)


def test_the_account_tells_its_limits(apis: Apis) -> None:
    account = apis.do("GetAccount")
    assert account == {"throttleSettings": {"rateLimit": 10_000, "burstLimit": 5_000}, "features": ["UsagePlans"]}
    role = "arn:aws:iam::123456789012:role/logs"
    changed = apis.do("UpdateAccount", patchOperations=[patch("/cloudwatchRoleArn", role)])
    assert changed == {**account, "cloudwatchRoleArn": role}
    assert Apis(apis.folder).do("GetAccount") == changed
    with refused("BadRequestException"):
        apis.do("UpdateAccount", patchOperations=[patch("/throttleSettings/rateLimit", "1")])
