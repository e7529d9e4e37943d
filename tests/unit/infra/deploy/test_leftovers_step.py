"""Functions that app.py has lost: found by name and tag, deleted last, their logs kept."""

import boto3
import pytest

from infra.deploy.account import Account
from infra.deploy.leftovers_step import STAGE_TAG, LeftoversStep
from tests.doubles.deploy_ground import package

pytestmark = pytest.mark.usefixtures("aws")

ACCOUNT = Account("123456789012", "us-east-1")
KEPT, LOST = "tollgate-dev-accounts", "tollgate-dev-spare"
ROLE = "arn:aws:iam::123456789012:role/x"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


def _function(name: str, stage: str = "dev") -> None:
    boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    boto3.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    code = {"ZipFile": package("x")}
    tags = {STAGE_TAG: stage}
    boto3.client("lambda").create_function(
        FunctionName=name, Role=_role(name), Runtime="python3.11", Handler="a.b", Code=code, Tags=tags
    )


def _role(name: str) -> str:
    return str(boto3.client("iam").get_role(RoleName=name)["Role"]["Arn"])


@pytest.fixture
def step() -> LeftoversStep:
    _function(KEPT)
    _function(LOST)
    return LeftoversStep(ACCOUNT, "dev", [KEPT])


def test_a_lost_function_is_deleted_with_its_role_and_its_log_stays(step: LeftoversStep) -> None:
    assert step.differences() == [f"function {LOST} is there and should not be"]
    step.apply()
    assert step.differences() == []
    assert [row["FunctionName"] for row in boto3.client("lambda").list_functions()["Functions"]] == [KEPT]
    assert [row["RoleName"] for row in boto3.client("iam").list_roles()["Roles"]] == [KEPT]
    assert len(boto3.client("logs").describe_log_groups()["logGroups"]) == 2


def test_what_only_has_such_a_name_is_somebody_elses(step: LeftoversStep) -> None:
    _function("tollgate-dev-theirs", stage="dev-theirs")
    assert step.differences() == [f"function {LOST} is there and should not be"]


def test_with_the_stage_it_goes_whole_and_once(step: LeftoversStep) -> None:
    assert f"the log of {LOST}" in step.destroy()
    assert step.destroy() == []
