"""Usage plans and API keys: what belongs together, and what is refused before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


@pytest.fixture
def api_id(apis: Apis) -> str:
    made = apis.api()
    apis.add(made, "/a", apiKeyRequired=True)
    apis.deploy(made)
    return made


def plan_of(apis: Apis, api_id: str, stage: str = "s", **more: Any) -> str:
    made: str = apis.do("CreateUsagePlan", name="p", apiStages=[{"apiId": api_id, "stage": stage}], **more)["id"]
    return made


def key_of(apis: Apis, plan: str | None = None, **more: Any) -> dict[str, Any]:
    key = apis.do("CreateApiKey", enabled=True, **more)
    if plan:
        apis.do("CreateUsagePlanKey", usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    return key


def status(apis: Apis, api_id: str, key: dict[str, Any], stage: str = "s") -> int:
    return apis.ask("GET", f"/_aws/execute-api/{api_id}/{stage}/a", {"x-api-key": key["value"]}).status


def test_a_key_has_what_api_gateway_adds(apis: Apis) -> None:
    key = apis.do("CreateApiKey", name="k", tags={"a": "b"})
    now = apis.time.wall_at // 1_000
    assert key == {
        "id": key["id"],
        "value": key["value"],
        "name": "k",
        "enabled": False,
        "stageKeys": [],
        "tags": {"a": "b"},
        "createdDate": now,
        "lastUpdatedDate": now,
    }
    assert (len(key["id"]), len(key["value"])) == (10, 40)
    hidden = {name: value for name, value in key.items() if name != "value"}
    assert apis.do("GetApiKey", apiKey=key["id"]) == hidden
    assert apis.do("GetApiKey", apiKey=key["id"], includeValue=True) == key
    assert apis.do("GetApiKeys") == {"items": [hidden]}
    assert apis.do("GetApiKeys", includeValues=True) == {"items": [key]}


def test_keys_are_looked_for_by_name_and_customer(apis: Apis) -> None:
    for name, customer in (("ab", "x"), ("ac", "y"), ("b", "x")):
        apis.do("CreateApiKey", name=name, customerId=customer)
    assert [row["name"] for row in apis.do("GetApiKeys", nameQuery="a")["items"]] == ["ab", "ac"]
    assert [row["name"] for row in apis.do("GetApiKeys", customerId="x")["items"]] == ["ab", "b"]


@pytest.mark.parametrize("length", [19, 129])
def test_a_value_has_its_length(apis: Apis, length: int) -> None:
    with refused("BadRequestException", "20 to 128"):
        apis.do("CreateApiKey", value="x" * length)


def test_a_value_is_one_keys_alone(apis: Apis) -> None:
    apis.do("CreateApiKey", value="x" * 20)
    with refused("ConflictException"):
        apis.do("CreateApiKey", value="x" * 20)
    with refused("BadRequestException", "stageKeys"):
        apis.do("CreateApiKey", stageKeys=[{"restApiId": "a", "stageName": "b"}])


def test_a_key_is_switched_off_and_on(apis: Apis, api_id: str) -> None:
    key = key_of(apis, plan_of(apis, api_id))
    assert status(apis, api_id, key) == 200
    for enabled, answered in (("false", 403), ("true", 200)):
        apis.time.advance(1_000)
        row = apis.do("UpdateApiKey", apiKey=key["id"], patchOperations=[patch("/enabled", enabled)])
        assert row["lastUpdatedDate"] == apis.time.wall_at // 1_000
        assert status(apis, api_id, key) == answered
    for one in (patch("/value", "y" * 20), patch("/id", "y"), patch("/enabled", op="remove")):
        with refused("BadRequestException"):
            apis.do("UpdateApiKey", apiKey=key["id"], patchOperations=[one])


def test_a_key_that_goes_leaves_its_plans(apis: Apis, api_id: str) -> None:
    plan = plan_of(apis, api_id)
    key = key_of(apis, plan)
    assert status(apis, api_id, key) == 200
    assert apis.do("DeleteApiKey", apiKey=key["id"]) == {}
    apis.time.advance(1_000)
    assert status(apis, api_id, key) == 403
    assert apis.do("GetUsagePlanKeys", usagePlanId=plan)["items"] == []
    for operation in ("GetApiKey", "DeleteApiKey", "UpdateApiKey"):
        with refused("NotFoundException"):
            apis.do(operation, apiKey=key["id"])


def test_the_keys_of_a_plan(apis: Apis, api_id: str) -> None:
    plan = plan_of(apis, api_id)
    key = key_of(apis, name="k")
    at = {"usagePlanId": plan, "keyId": key["id"]}
    with refused("NotFoundException"):
        apis.do("GetUsagePlanKey", **at)
    with refused("BadRequestException", "key type"):
        apis.do("CreateUsagePlanKey", **at, keyType="OTHER")
    member = apis.do("CreateUsagePlanKey", **at, keyType="API_KEY")
    assert member == {"id": key["id"], "type": "API_KEY", "name": "k", "value": key["value"]}
    assert apis.do("GetUsagePlanKey", **at) == member
    assert apis.do("GetUsagePlanKeys", usagePlanId=plan) == {"items": [member]}
    assert apis.do("GetUsagePlanKeys", usagePlanId=plan, nameQuery="x") == {"items": []}
    assert [row["id"] for row in apis.do("GetUsagePlans", keyId=key["id"])["items"]] == [plan]
    assert apis.do("GetUsagePlans", keyId="other")["items"] == []
    with refused("ConflictException"):
        apis.do("CreateUsagePlanKey", **at, keyType="API_KEY")
    assert status(apis, api_id, key) == 200
    assert apis.do("DeleteUsagePlanKey", **at) == {}
    apis.time.advance(1_000)
    assert status(apis, api_id, key) == 403
    with refused("NotFoundException"):
        apis.do("DeleteUsagePlanKey", **at)


def test_a_key_counts_against_one_plan_of_a_stage(apis: Apis, api_id: str) -> None:
    first, second = plan_of(apis, api_id), plan_of(apis, api_id)
    key = key_of(apis, first)
    with refused("ConflictException", "cannot reference multiple Usage Plans"):
        apis.do("CreateUsagePlanKey", usagePlanId=second, keyId=key["id"], keyType="API_KEY")
    apis.deploy(api_id, "t")
    third = plan_of(apis, api_id, "t")
    apis.do("CreateUsagePlanKey", usagePlanId=third, keyId=key["id"], keyType="API_KEY")
    with refused("ConflictException", "cannot reference multiple Usage Plans"):
        one = patch("/apiStages", f"{api_id}:s", "add")
        apis.do("UpdateUsagePlan", usagePlanId=third, patchOperations=[one])
    assert status(apis, api_id, key) == status(apis, api_id, key, "t") == 200


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"quota": {"limit": 5}}, "must have a limit and a period"),
        ({"quota": {"period": "DAY"}}, "must have a limit and a period"),
        ({"quota": {"limit": 0, "period": "DAY"}}, "above 0"),
        ({"quota": {"limit": 5, "period": "DAY", "offset": 1}}, "offset 0 to 0"),
        ({"quota": {"limit": 5, "period": "WEEK", "offset": 7}}, "offset 0 to 6"),
        ({"quota": {"limit": 5, "period": "MONTH", "offset": 28}}, "offset 0 to 27"),
        ({"quota": {"limit": 5, "period": "MONTH", "offset": -1}}, "offset 0 to 27"),
        ({"throttle": {"rateLimit": -1.0}}, "must not be negative"),
    ],
)
def test_limits_that_are_none_are_refused(apis: Apis, limits: dict[str, Any], words: str) -> None:
    with refused("BadRequestException", words):
        apis.do("CreateUsagePlan", name="p", **limits)
    assert apis.do("GetUsagePlans")["items"] == []


def test_a_plan_is_patched(apis: Apis, api_id: str) -> None:
    plan = plan_of(apis, api_id, throttle={"rateLimit": 1.0, "burstLimit": 1})
    key = key_of(apis, plan)
    assert [status(apis, api_id, key) for _ in range(2)] == [200, 429]
    row = apis.do(
        "UpdateUsagePlan",
        usagePlanId=plan,
        patchOperations=[patch("/throttle/burstLimit", "3"), patch("/quota/limit", "2"), patch("/quota/period", "DAY")],
    )
    assert (row["throttle"], row["quota"]) == ({"rateLimit": 1.0, "burstLimit": 3}, {"limit": 2, "period": "DAY"})
    assert [status(apis, api_id, key) for _ in range(3)] == [200, 200, 429]
    row = apis.do(
        "UpdateUsagePlan",
        usagePlanId=plan,
        patchOperations=[patch("/throttle", op="remove"), patch("/quota", op="remove")],
    )
    assert "throttle" not in row
    assert "quota" not in row
    assert [status(apis, api_id, key) for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("method", ["~1a/GET", "/a/GET"])
def test_a_method_of_a_stage_has_a_limit_of_its_own(apis: Apis, api_id: str, method: str) -> None:
    plan = plan_of(apis, api_id)
    key = key_of(apis, plan)
    path = f"/apiStages/{api_id}:s/throttle/{method}"
    rows = [patch(f"{path}/rateLimit", "1"), patch(f"{path}/burstLimit", "1")]
    row = apis.do("UpdateUsagePlan", usagePlanId=plan, patchOperations=rows)
    assert row["apiStages"][0]["throttle"] == {"/a/GET": {"rateLimit": 1.0, "burstLimit": 1}}
    assert [status(apis, api_id, key) for _ in range(2)] == [200, 429]
    apis.do("UpdateUsagePlan", usagePlanId=plan, patchOperations=[patch(path, op="remove")])
    assert [status(apis, api_id, key) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    "patches",
    [
        [patch("/apiStages/API:s/throttle/~1nothing/GET/rateLimit", "1")],
        [patch("/apiStages/API:t/throttle/~1a/GET/rateLimit", "1")],
        [patch("/apiStages/API:s/throttle/~1a/GET/rate", "1")],
        [patch("/apiStages/API:s/limit/~1a/GET/rateLimit", "1")],
        [patch("/apiStages/API:s", "1")],
        [patch("/apiStages", "API:s")],
        [patch("/apiStages", "API", "add")],
        [patch("/quota/limit", "5")],
        [patch("/throttle/rateLimit", "-1")],
        [patch("/name", "q"), patch("/keys", "x", "add")],
        [patch("/id", "x")],
    ],
)
def test_a_patch_that_is_refused_changes_nothing(apis: Apis, api_id: str, patches: list[dict[str, str]]) -> None:
    plan = plan_of(apis, api_id)
    key, before = key_of(apis, plan), apis.do("GetUsagePlan", usagePlanId=plan)
    mine = [{name: text.replace("API", api_id) for name, text in one.items()} for one in patches]
    with refused("BadRequestException"):
        apis.do("UpdateUsagePlan", usagePlanId=plan, patchOperations=mine)
    assert apis.do("GetUsagePlan", usagePlanId=plan) == before
    again = Apis(apis.folder)
    assert again.do("GetUsagePlan", usagePlanId=plan) == before
    assert status(again, api_id, key) == 200


def test_a_stage_of_a_plan_is_there_and_there_once(apis: Apis, api_id: str) -> None:
    for stage in ({"apiId": api_id, "stage": "t"}, {"apiId": "other", "stage": "s"}, {"apiId": api_id}, {}):
        with refused("NotFoundException"):
            apis.do("CreateUsagePlan", name="p", apiStages=[stage])
    with refused("BadRequestException", "each API stage once"):
        apis.do("CreateUsagePlan", name="p", apiStages=[{"apiId": api_id, "stage": "s"}] * 2)


def test_a_plan_goes_after_its_stages(apis: Apis, api_id: str) -> None:
    plan = plan_of(apis, api_id)
    with refused("BadRequestException", f"associated with it, including {api_id}:s"):
        apis.do("DeleteUsagePlan", usagePlanId=plan)
    row = apis.do("UpdateUsagePlan", usagePlanId=plan, patchOperations=[patch("/apiStages", f"{api_id}:s", "remove")])
    assert row["apiStages"] == []
    assert apis.do("DeleteUsagePlan", usagePlanId=plan) == {}
    with refused("NotFoundException"):
        apis.do("GetUsagePlan", usagePlanId=plan)


@pytest.mark.parametrize("operation", ["DeleteStage", "DeleteRestApi"])
def test_a_stage_that_goes_leaves_its_plans(apis: Apis, api_id: str, operation: str) -> None:
    plan = plan_of(apis, api_id)
    apis.do(operation, restApiId=api_id, **({"stageName": "s"} if operation == "DeleteStage" else {}))
    assert apis.do("GetUsagePlan", usagePlanId=plan)["apiStages"] == []
    assert apis.do("UpdateUsagePlan", usagePlanId=plan, patchOperations=[patch("/name", "q")])["name"] == "q"


def test_keys_are_for_their_owner_alone(apis: Apis, api_id: str) -> None:
    key = key_of(apis, plan_of(apis, api_id))
    holding = [file for file in apis.folder.iterdir() if key["value"].encode() in file.read_bytes()]
    assert len(holding) == 2
    assert {file.stat().st_mode & 0o777 for file in holding} == {0o600}
