"""stages.yaml: every stage is complete, every method named exists, and no figure is beyond what AWS allows."""

from typing import Any

import pytest
import yaml

from infra.clients import plan_names
from infra.functions import ROOT
from tests.unit.infra.test_api_definition import OPERATIONS

TREE: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "stages.yaml").read_text())
ACCOUNT = TREE["account"]


@pytest.mark.parametrize("name", sorted(TREE["stages"]))
def test_a_stage_is_complete(name: str) -> None:
    stage = TREE["stages"][name]
    assert stage.keys() == {"throttle", "methods", "access_log", "integration_timeout_default_ms"}
    assert set(stage["methods"]) <= set(OPERATIONS)
    for throttle in (stage["throttle"], *stage["methods"].values()):
        assert 0 < throttle["rate"] <= ACCOUNT["rate"]
        assert 0 < throttle["burst"] <= ACCOUNT["burst"]
    assert 50 <= stage["integration_timeout_default_ms"] <= 29_000


@pytest.mark.parametrize("name", sorted(TREE["stages"]))
def test_a8_the_access_log_is_one_line_without_secrets(name: str) -> None:
    access_log = TREE["stages"][name]["access_log"]
    assert "\n" not in access_log
    assert "$context.requestId" in access_log, "API Gateway requires it"
    for secret in ("apiKey", "authorizer.principalId", "header", "Authorization"):
        assert secret not in access_log


def test_guessing_secrets_is_slower_than_paying() -> None:
    for stage in TREE["stages"].values():
        assert stage["methods"]["POST /oauth2/token"]["rate"] < stage["throttle"]["rate"]


def test_one_plan_is_generous_and_one_bites() -> None:
    plans = TREE["usage_plans"]
    assert plan_names() == plans.keys() >= {"sandbox", "trial"}
    assert plans["trial"]["throttle"]["burst"] < 10 < plans["sandbox"]["throttle"]["burst"]
    for plan in plans.values():
        assert plan["quota"]["period"] in {"DAY", "WEEK", "MONTH"}


def test_the_account_has_awss_own_limits() -> None:
    assert ACCOUNT == {"rate": 10_000, "burst": 5_000}
