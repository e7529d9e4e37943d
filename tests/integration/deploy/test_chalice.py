"""`chalice deploy` of a small project with everything tampered with at once: one run makes it equal again (about 10 s)."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.deploy.account import Account
from infra.deploy.functions_step import FunctionsStep
from infra.deploy.project import SOURCE_TAG, Project
from infra.local import engines
from infra.permissions import Where, write_policies
from infra.resources import read_resources
from tests.doubles.deploy_ground import ACCOUNT, ENVIRONMENT, REGION, STAGE, package

ONE = f"tollgate-{STAGE}-accounts"
DIGEST = "0123456789abcdef"
APP = """
from chalice import Chalice
app = Chalice(app_name="tollgate")
app.lambda_function(name="accounts")(lambda event, context: {})
app.lambda_function(name="verifier")(lambda event, context: {})
"""
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

ANYBODY = ANYTHING.replace('"Action": "*", "Resource": "*"', '"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"')


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """moto's server alone: what is looked at here is what Chalice asks for."""
    moto = engines.start_moto()
    try:
        with pytest.MonkeyPatch.context() as patched:
            for name in [one for one in os.environ if one.startswith("AWS_")]:
                patched.delenv(name)
            for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto.url}.items():
                patched.setenv(name, value)
            yield Account(ACCOUNT, REGION)
    finally:
        moto.stop()


@pytest.fixture
def own_app() -> Iterator[None]:
    """Chalice imports the app by its name, and from wherever it stood before: both are forgotten again."""
    path, app = list(sys.path), sys.modules.pop("app", None)
    yield
    sys.path[:] = path
    sys.modules.pop("app", None)
    if app is not None:
        sys.modules["app"] = app


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two functions of the platform's names, with its policies and no code."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("")
    write_policies(tmp_path / ".chalice", read_resources(STAGE), Where(ACCOUNT, REGION))
    functions = {name: {"iam_policy_file": f"policy-{name}.json"} for name in ("accounts", "verifier")}
    config = {
        "version": "2.0",
        "app_name": "tollgate",
        "autogen_policy": False,
        "log_retention_in_days": 30,
        "tags": {SOURCE_TAG: DIGEST},
        "stages": {STAGE: {"environment_variables": {"A": "b"}, "lambda_functions": functions}},
    }
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    return Project(tmp_path, STAGE, DIGEST)


def _tamper(account: Account) -> None:
    """Everything at once that can be done to a function and its role."""
    functions, iam, logs = (account.client(name) for name in ("lambda", "iam", "logs"))
    named = {"FunctionName": ONE}
    functions.update_function_configuration(
        **named, MemorySize=1_024, Timeout=900, Handler="other.handle", Environment={"Variables": {"A": "c", "D": "e"}},
        Role=f"arn:aws:iam::{ACCOUNT}:role/tollgate-{STAGE}-verifier", Runtime="python3.12",
    )  # fmt: skip
    functions.update_function_code(**named, ZipFile=package("other"))
    functions.put_function_concurrency(**named, ReservedConcurrentExecutions=1)
    for name in (ONE, "more"):
        iam.put_role_policy(RoleName=ONE, PolicyName=name, PolicyDocument=ANYTHING)
    arn = iam.create_policy(PolicyName="more", PolicyDocument=ANYTHING)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ONE, PolicyArn=arn)
    iam.update_assume_role_policy(RoleName=ONE, PolicyDocument=ANYBODY)
    logs.delete_retention_policy(logGroupName=f"/aws/lambda/{ONE}")


@pytest.mark.usefixtures("own_app")
def test_one_run_makes_everything_equal_again(account: Account, project: Project) -> None:
    step = FunctionsStep(account, project)
    assert step.differences() == [f"function {ONE} is missing", f"function tollgate-{STAGE}-verifier is missing"]
    step.apply()
    assert step.differences() == []
    _tamper(account)
    # Another machine deploys next: what Chalice remembers is not there.
    (project.folder / ".chalice" / "deployed" / f"{STAGE}.json").unlink()
    said = "\n".join(step.differences())
    for part in (
        "memory_mb", "timeout_seconds", "handler", "environment: A", "environment: D", "role", "runtime", "code",
        "reserved concurrency", f"policies: {ONE}", "policies: more", "attached policies", "trust", "log days",
    ):  # fmt: skip
        assert f"functions: {ONE}: {part}" in said
    step.apply()
    assert step.differences() == []
    assert f"the function {ONE}" in step.destroy()
    assert step.destroy() == []
