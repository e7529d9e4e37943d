"""The stage and its usage plans: what is served, how fast, and what is written down about it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from infra.deploy.api_found import find_api
from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from infra.deploy.stage_step import FILE, PlansStep, StageStep
from tests.doubles.control_planes import patch
from tests.doubles.deploy_ground import API, LOG, PLANS, SETTINGS, STAGE, Ground, is_mended, small_definition

READ = "~1accounts~1{id}/GET"


class There:
    """A deployed stage in the hands of somebody who changes it."""

    def __init__(self, ground: Ground) -> None:
        self.aws = ground.gateway
        self.id = find_api(self.aws, API) or ""
        self.at = {"restApiId": self.id}

    def edit(self, *changes: Any) -> None:
        self.aws.update_stage(**self.at, stageName=STAGE, patchOperations=list(changes))

    def plan(self, name: str = "trial") -> str:
        rows = self.aws.get_usage_plans(limit=500)["items"]
        return next(str(row["id"]) for row in rows if row["name"] == f"{API}-{name}")

    def edit_plan(self, *changes: Any) -> None:
        self.aws.update_usage_plan(usagePlanId=self.plan(), patchOperations=list(changes))

    def older_deployment(self) -> None:
        older = self.aws.create_deployment(**self.at, description="an older one")["id"]
        self.edit(patch("/deploymentId", older))

    def unguarded_deployment(self) -> None:
        """The API was open for a moment, and that moment is served under the right name."""
        rows = self.aws.get_resources(**self.at, limit=500)["items"]
        resource = next(row["id"] for row in rows if row["path"] == "/accounts")
        place = {**self.at, "resourceId": resource, "httpMethod": "POST"}
        self.aws.update_method(**place, patchOperations=[patch("/apiKeyRequired", "false")])
        self.aws.create_deployment(**self.at, stageName=STAGE, description=small_definition().digest())
        self.aws.update_method(**place, patchOperations=[patch("/apiKeyRequired", "true")])

    def open_route(self) -> None:
        """A route for everybody was there for a moment, and is served under the right name."""
        root = next(row["id"] for row in self.aws.get_resources(**self.at, limit=500)["items"] if row["path"] == "/")
        resource = self.aws.create_resource(**self.at, parentId=root, pathPart="backdoor")["id"]
        place = {**self.at, "resourceId": resource, "httpMethod": "GET"}
        self.aws.put_method(**place, authorizationType="NONE")
        self.aws.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        self.aws.create_deployment(**self.at, stageName=STAGE, description=small_definition().digest())
        self.aws.delete_resource(**self.at, resourceId=resource)

    def other_stage(self, name: str = "debug") -> None:
        deployment = self.aws.get_stage(**self.at, stageName=STAGE)["deploymentId"]
        self.aws.create_stage(**self.at, stageName=name, deploymentId=deployment)

    def plan_of_another_stage(self) -> None:
        self.other_stage()
        self.edit_plan(patch("/apiStages", f"{self.id}:debug", "add"))
        self.edit_plan(patch(f"/apiStages/{self.id}:debug/throttle/~1health/GET/rateLimit", "7"))


STAGE_DRIFT: dict[str, tuple[Callable[[There], object], str]] = {
    "older deployment": (There.older_deployment, "definition is 'an older one'"),
    "unguarded deployment": (There.unguarded_deployment, "guards: POST /accounts is there"),
    "open route": (There.open_route, "guards: GET /backdoor is there"),
    "description of a deployment": (
        lambda at: at.aws.update_deployment(
            **at.at, deploymentId=at.aws.get_stage(**at.at, stageName=STAGE)["deploymentId"],
            patchOperations=[patch("/description", "x")],
        ),
        "definition is 'x'",
    ),
    "throttle of the stage raised": (lambda at: at.edit(patch("/*/*/throttling/rateLimit", "9000")), "*/*: throttlingRateLimit is 9000.0"),
    "bucket of the stage raised": (lambda at: at.edit(patch("/*/*/throttling/burstLimit", "900")), "*/*: throttlingBurstLimit is 900"),
    "throttle of a method raised": (
        lambda at: at.edit(patch(f"/{READ}/throttling/rateLimit", "99")),
        "GET /accounts/{id}: throttlingRateLimit is 99.0",
    ),
    "throttle of a method removed": (lambda at: at.edit(patch(f"/{READ}", op="remove")), "GET /accounts/{id} is missing"),
    "throttle of another method": (
        lambda at: at.edit(patch("/~1health/GET/throttling/rateLimit", "99")),
        "settings: GET /health is there",
    ),
    "metrics on": (lambda at: at.edit(patch("/*/*/metrics/enabled", "true")), "*/*: metricsEnabled is there"),
    "bodies logged": (lambda at: at.edit(patch("/*/*/logging/dataTrace", "true")), "*/*: dataTraceEnabled is there"),
    "execution log": (lambda at: at.edit(patch(f"/{READ}/logging/loglevel", "INFO")), "GET /accounts/{id}: loggingLevel is there"),
    "access log off": (lambda at: at.edit(patch("/accessLogSettings", op="remove")), "access log: format is ''"),
    "access log elsewhere": (
        lambda at: at.edit(patch("/accessLogSettings/destinationArn", LOG + "-other")),
        "-other' and should be",
    ),
    "access log of something else": (
        lambda at: at.edit(patch("/accessLogSettings/format", "$context.requestId")),
        "access log: format is '$context.requestId'",
    ),
    "variable": (lambda at: at.edit(patch("/variables/function", "other")), "variables: function is there"),
    "tracing": (lambda at: at.edit(patch("/tracingEnabled", "true")), "tracing is True"),
    "another stage": (There.other_stage, "other stages is ['debug']"),
    "no stage": (lambda at: at.aws.delete_stage(**at.at, stageName=STAGE), f"the stage {STAGE} is missing"),
}  # fmt: skip

PLAN_DRIFT: dict[str, tuple[Callable[[There], object], str]] = {
    "throttle raised": (lambda at: at.edit_plan(patch("/throttle/rateLimit", "999")), "trial: throttle: rateLimit is 999.0"),
    "throttle removed": (lambda at: at.edit_plan(patch("/throttle", op="remove")), "trial: throttle: rateLimit is missing"),
    "half a throttle removed": (
        lambda at: at.edit_plan(patch("/throttle/rateLimit", op="remove")),
        "trial: throttle: rateLimit is 0.0",
    ),
    "quota raised": (lambda at: at.edit_plan(patch("/quota/limit", "999999")), "trial: quota: limit is 999999"),
    "quota by the month": (lambda at: at.edit_plan(patch("/quota/period", "MONTH")), "trial: quota: period is 'MONTH'"),
    "quota removed": (lambda at: at.edit_plan(patch("/quota", op="remove")), "trial: quota: limit is missing"),
    "throttle of a method raised": (
        lambda at: at.edit_plan(patch(f"/apiStages/{at.id}:{STAGE}/throttle/~1accounts/POST/rateLimit", "99")),
        "methods: /accounts/POST: rateLimit is 99.0",
    ),
    "throttle of a method removed": (
        lambda at: at.edit_plan(patch(f"/apiStages/{at.id}:{STAGE}/throttle/~1accounts/POST", op="remove")),
        "methods: /accounts/POST is missing",
    ),
    "throttle of another method": (
        lambda at: at.edit_plan(patch(f"/apiStages/{at.id}:{STAGE}/throttle/~1health/GET/rateLimit", "99")),
        "methods: /health/GET is there",
    ),
    "stage removed": (lambda at: at.edit_plan(patch("/apiStages", f"{at.id}:{STAGE}", "remove")), "trial: stages is []"),
    "another stage": (There.plan_of_another_stage, ":debug'"),
    "plan added": (lambda at: at.aws.create_usage_plan(name=f"{API}-spare"), f"{API}-spare is there"),
    "second plan of a name": (lambda at: at.aws.create_usage_plan(name=f"{API}-trial"), f"{API}-trial ("),
}  # fmt: skip


@pytest.fixture
def deployed(served: Ground, tmp_path: Path) -> Iterator[Ground]:
    """The small API and its stage; a test that passes leaves them equal, and no other one is built upon."""
    if served.stands != "stage":
        served.renew(tmp_path)
        take(served.gateway_steps())
    served.stands = ""
    yield served
    if not any(step.differences() for step in served.gateway_steps()):
        served.stands = "stage"


@pytest.mark.parametrize("kind", list(STAGE_DRIFT))
def test_what_was_done_to_the_stage_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = STAGE_DRIFT[kind]
    tampering(There(deployed))
    is_mended(deployed, deployed.stage(), words)
    if kind == "no stage":
        take([deployed.plans()])


@pytest.mark.parametrize("kind", list(PLAN_DRIFT))
def test_what_was_done_to_a_plan_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = PLAN_DRIFT[kind]
    tampering(There(deployed))
    is_mended(deployed, deployed.plans(), words)
    take([deployed.stage()])


def test_an_empty_account_lacks_stage_and_plans(ground: Ground) -> None:
    assert ground.stage().differences() == [f"the stage {STAGE} is missing"]
    assert ground.plans().differences() == [
        f"usage plans: {API}-trial is missing", f"usage plans: {API}-large is missing",
    ]  # fmt: skip


def test_what_is_served_goes_on_when_only_a_throttle_changes(deployed: Ground) -> None:
    at = There(deployed)
    before = at.aws.get_stage(**at.at, stageName=STAGE)["deploymentId"]
    at.edit(patch("/*/*/throttling/rateLimit", "9000"))
    take([deployed.stage()])
    assert at.aws.get_stage(**at.at, stageName=STAGE)["deploymentId"] == before


def test_a_plan_that_the_definitions_lost_stays_while_clients_are_under_it(deployed: Ground) -> None:
    at = There(deployed)
    key = at.aws.create_api_key(name="client", enabled=True)["id"]
    at.aws.create_usage_plan_key(usagePlanId=at.plan("large"), keyId=key, keyType="API_KEY")
    fewer = PlansStep(deployed.gateway, API, STAGE, {"trial": PLANS["trial"]})
    assert fewer.differences() == [f"usage plans: {API}-large is there and should not be"]
    with pytest.raises(DeployFault, match=r"tollgate-dev-large is not in stages.yaml, but 1 API keys .* put it back"):
        take([fewer])
    assert at.plan("large"), "nothing was done to it"
    at.aws.delete_api_key(apiKey=key)
    is_mended(deployed, fewer, "large is there")
    take([deployed.plans()])


def test_plans_of_another_stage_are_not_ours(deployed: Ground) -> None:
    at = There(deployed)
    other = at.aws.create_rest_api(name=f"{API}-2")["id"]
    resource = at.aws.get_resources(restApiId=other)["items"][0]["id"]
    place = {"restApiId": other, "resourceId": resource, "httpMethod": "GET"}
    at.aws.put_method(**place, authorizationType="NONE")
    at.aws.put_integration(**place, type="MOCK", requestTemplates={"application/json": "{}"})
    at.aws.create_deployment(restApiId=other, stageName="s")
    at.aws.create_usage_plan(name=f"{API}-2-trial", apiStages=[{"apiId": other, "stage": "s"}])
    assert deployed.plans().differences() == []
    assert f"the usage plan {API}-2-trial and its API keys" not in deployed.plans().destroy()
    assert at.plan("2-trial")


def test_destroy_takes_plans_and_keys_away_and_may_be_said_twice(deployed: Ground) -> None:
    at = There(deployed)
    key = at.aws.create_api_key(name="client", enabled=True)["id"]
    at.aws.create_usage_plan_key(usagePlanId=at.plan(), keyId=key, keyType="API_KEY")
    gone = [f"the usage plan {API}-trial and its API keys", f"the usage plan {API}-large and its API keys"]
    assert deployed.plans().destroy() == gone
    assert at.aws.get_api_keys()["items"] == []
    assert deployed.plans().destroy() == []
    assert deployed.stage().destroy() == []


def test_clients_that_stay_without_their_keys_are_told_of(deployed: Ground) -> None:
    at = There(deployed)
    key = at.aws.create_api_key(name="client", enabled=True)["id"]
    at.aws.create_usage_plan_key(usagePlanId=at.plan(), keyId=key, keyType="API_KEY")
    trial, large = PlansStep(deployed.gateway, API, STAGE, PLANS, clients_stay=True).destroy()
    assert trial == f"the usage plan {API}-trial and its API keys; its clients stay, and need new keys"
    assert large == f"the usage plan {API}-large and its API keys"


# --- what the emulator does not have --------------------------------------------------------------------------------


class Recorded:
    """API Gateway with a stage that has a canary and a cache."""

    def __init__(self) -> None:
        self.row: dict[str, Any] = {
            "stageName": STAGE,
            "deploymentId": "d",
            "cacheClusterEnabled": True,
            "canarySettings": {"percentTraffic": 10.0, "deploymentId": "c"},
            "methodSettings": {
                "*/*": {"cachingEnabled": True, "throttlingRateLimit": -1.0, "throttlingBurstLimit": -1}
            },
        }
        self.changes: list[Any] = []

    def get_rest_apis(self, **_asked: Any) -> Any:
        return {"items": [{"id": "a", "name": API}]}

    def get_stages(self, **_asked: Any) -> Any:
        return {"item": [self.row]}

    def get_deployment(self, **_asked: Any) -> Any:
        return {"id": "d", "description": "another", "apiSummary": {"/gone": {"GET": {"apiKeyRequired": False}}}}

    def create_deployment(self, **_asked: Any) -> None:
        self.changes.append("a deployment")

    def update_stage(self, patchOperations: list[Any], **_asked: Any) -> None:  # noqa: N803 - boto3's name
        self.changes += [(one["op"], one["path"], one.get("value")) for one in patchOperations]


def test_an_api_is_closed_by_a_rate_of_nothing() -> None:
    """As docs/operations.md closes it: what reads back as 0 is not "no limit"."""
    aws = Recorded()
    aws.row["methodSettings"] = {"*/*": {"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0}}
    closed = {"throttle": {"rate": 0, "burst": 0}, "methods": {}, "access_log": SETTINGS["access_log"]}
    said = StageStep(aws, small_definition(), STAGE, closed, LOG).differences()
    assert not [text for text in said if "throttling" in text]


def test_a_canary_goes_before_the_deployment_and_a_cache_with_it() -> None:
    aws = Recorded()
    step = StageStep(aws, small_definition(), STAGE, SETTINGS, LOG)
    text = "\n".join(step.differences())
    for words in (
        "canary: percentTraffic is there",
        "cache is True",
        "cachingEnabled is there",
        "throttlingRateLimit is missing",
    ):
        assert words in text
    step.apply()
    assert aws.changes[:2] == [("remove", "/canarySettings", None), "a deployment"]
    assert ("replace", "/cacheClusterEnabled", "false") in aws.changes
    assert ("replace", "/*/*/caching/enabled", "false") in aws.changes


def test_a_region_where_nothing_may_be_logged_is_told_with_what_to_do() -> None:
    aws = Recorded()
    said = {"Code": "BadRequestException", "Message": "CloudWatch Logs role ARN must be set in account settings"}

    def refuse(**_asked: Any) -> None:
        raise ClientError({"Error": said}, "UpdateStage")

    aws.row.pop("canarySettings")
    aws.update_stage = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(DeployFault, match="aws apigateway update-account"):
        StageStep(aws, small_definition(), STAGE, SETTINGS, LOG).apply()


def test_no_stages_name_begins_anothers() -> None:
    """What belongs to a stage is found by the letters that its name begins with."""
    names = [f"{name}-" for name in yaml.safe_load(FILE.read_text())["stages"]]
    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]
