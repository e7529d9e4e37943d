"""Each step by itself, cut off before its first change, in the middle, and before its last one."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.deploy.course import take
from infra.deploy.step import Step
from tests.doubles.control_planes import patch
from tests.doubles.cut_off import Cut, cut_off
from tests.doubles.deploy_ground import API, FUNCTIONS, STAGE, Ground, package

LAST = {"release": 16, "streams": 1, "schedules": 11, "permissions": 4, "API": 19, "stage": 1, "usage plans": 1}
"""The changes that each step makes before its last one, in an account that has what comes before it."""

CUTS = [(name, cut) for name, last in LAST.items() for cut in sorted({0, last // 2, last})]


def _steps(ground: Ground) -> dict[str, Step]:
    return {step.name: step for step in ground.steps()}


def _before(ground: Ground, name: str) -> None:
    """Take the steps that this one needs."""
    if name in ("release", "streams", "schedules", "permissions"):
        ground.functions()
    if name == "streams":
        ground.tables()
    steps = _steps(ground)
    needed = ["API's id"]
    needed += ["release"] if name in ("streams", "schedules", "permissions") else []
    needed += ["API"] if name in ("stage", "usage plans") else []
    needed += ["stage"] if name == "usage plans" else []
    take([steps[one] for one in needed])


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_the_next_run_ends_equal(ground: Ground, name: str, cut: int) -> None:
    _before(ground, name)
    step = _steps(ground)[name]
    with pytest.raises(Cut), cut_off(ground, "", cut):
        step.apply()
    assert step.differences(), "it is not done, and says so"
    take([step])
    assert step.differences() == []


def test_the_last_change_is_the_last_one(ground: Ground) -> None:
    ground.functions()
    ground.tables()
    counted = {}
    for step in ground.steps():
        with ground.watched() as made:
            take([step])
        counted[step.name] = len(made) - 1
    assert counted == LAST | {"API's id": 0}


def _api_changed(ground: Ground) -> None:
    aws = ground.gateway
    (api,) = aws.get_rest_apis()["items"]
    at = {"restApiId": api["id"]}
    aws.update_model(**at, modelName="Money", patchOperations=[patch("/schema", "{}")])
    aws.create_model(**at, name="Free", contentType="application/json", schema="{}")
    rows = {row["path"]: row["id"] for row in aws.get_resources(**at, limit=500)["items"]}
    aws.create_resource(**at, parentId=rows["/accounts"], pathPart="spare")
    aws.update_rest_api(**at, patchOperations=[patch("/apiKeySource", "AUTHORIZER")])
    aws.update_authorizer(
        **at, authorizerId=aws.get_authorizers(**at)["items"][0]["id"], patchOperations=[patch("/identitySource", "x")]
    )


def _release_changed(ground: Ground) -> None:
    for name in FUNCTIONS.values():
        ground.aws("lambda").update_function_code(FunctionName=name, ZipFile=package("2"))


def _stage_changed(ground: Ground) -> None:
    (api,) = ground.gateway.get_rest_apis()["items"]
    at = {"restApiId": api["id"]}
    older = ground.gateway.create_deployment(**at, description="older")["id"]
    changes = [patch("/deploymentId", older), patch("/*/*/throttling/rateLimit", "9")]
    ground.gateway.update_stage(**at, stageName=STAGE, patchOperations=changes)


def _plans_changed(ground: Ground) -> None:
    for row in ground.gateway.get_usage_plans()["items"]:
        change = patch("/throttle/rateLimit", "9")
        ground.gateway.update_usage_plan(usagePlanId=row["id"], patchOperations=[change])
    ground.gateway.create_usage_plan(name=f"{API}-spare")


def _streams_changed(ground: Ground) -> None:
    for row in ground.aws("lambda").list_event_source_mappings()["EventSourceMappings"]:
        ground.aws("lambda").update_event_source_mapping(UUID=row["UUID"], Enabled=False)


def _schedules_changed(ground: Ground) -> None:
    for row in ground.aws("events").list_rules()["Rules"]:
        ground.aws("events").disable_rule(Name=row["Name"])


def _permissions_changed(ground: Ground) -> None:
    for name in FUNCTIONS.values():
        ground.aws("lambda").add_permission(
            FunctionName=name, StatementId="x", Action="lambda:InvokeFunction", Principal="*"
        )


CHANGED: dict[str, Callable[[Ground], Any]] = {
    "API": _api_changed,
    "release": _release_changed,
    "stage": _stage_changed,
    "usage plans": _plans_changed,
    "streams": _streams_changed,
    "schedules": _schedules_changed,
    "permissions": _permissions_changed,
}


@pytest.mark.parametrize("name", list(CHANGED))
def test_a_repair_may_be_cut_off_again_and_again(ground: Ground, name: str) -> None:
    """Each run comes further by some changes than the one before, and none makes it worse."""
    _before(ground, name)
    step = _steps(ground)[name]
    take([step])
    CHANGED[name](ground)
    assert step.differences()
    for cut in (0, 1, 2, 1):
        if step.differences():
            try:
                with cut_off(ground, "", cut):
                    step.apply()
            except Cut:
                continue
    take([step])
    assert step.differences() == []
