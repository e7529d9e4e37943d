"""The functions: what Chalice makes of them, and everything else that could lead them or their roles astray.

Chalice itself runs in tests/integration/deploy/test_chalice.py; here stands what it does, call by call.
"""

import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import TRUST, FunctionsStep
from infra.deploy.project import SOURCE_TAG, Project
from tests.doubles.cut_off import Cut, cut_off
from tests.doubles.deploy_ground import ACCOUNT, FUNCTIONS, STAGE, Ground, is_mended, package

ROWS: list[dict[str, Any]] = [
    {
        "name": FUNCTIONS[name],
        "handler": f"chalicelib.{name}.entrypoint.handle",
        "memory_mb": 512,
        "timeout_seconds": 25,
        "environment": {"TOLLGATE_STAGE": STAGE},
    }
    for name in ("accounts", "payments_due")
]
ONE = FUNCTIONS["accounts"]
GROUP = f"/aws/lambda/{ONE}"
MORE = f"arn:aws:iam::{ACCOUNT}:policy/more"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ANYBODY = json.dumps(
    {**TRUST, "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
)


class Chalice:
    """What `chalice deploy` does: it gives a function that is there no other handler, and leaves much alone."""

    def __init__(self, ground: Ground, step: FunctionsStep) -> None:
        self.functions, self.iam, self.logs = (ground.aws(one) for one in ("lambda", "iam", "logs"))
        self.step, self.runs = step, 0

    def __call__(self) -> None:
        self.runs += 1
        for row in ROWS:
            self._role(row["name"], self.step._wanted(row)["policies"][row["name"]])
            self._function(row)
            with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
                self.logs.create_log_group(logGroupName=f"/aws/lambda/{row['name']}")
            self.logs.put_retention_policy(logGroupName=f"/aws/lambda/{row['name']}", retentionInDays=30)

    def _role(self, name: str, document: Any) -> None:
        with suppress(self.iam.exceptions.EntityAlreadyExistsException):
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(document))

    def _function(self, row: dict[str, Any]) -> None:
        named = {"FunctionName": row["name"]}
        settings = {
            "Role": f"arn:aws:iam::{ACCOUNT}:role/{row['name']}",
            "Runtime": "python3.11",
            "MemorySize": row["memory_mb"],
            "Timeout": row["timeout_seconds"],
            "Environment": {"Variables": row["environment"]},
        }
        tags = {SOURCE_TAG: self.step.project.digest}
        code = package(self.step.project.digest)
        try:
            arn = self.functions.update_function_code(**named, ZipFile=code)["FunctionArn"]
        except self.functions.exceptions.ResourceNotFoundException:
            self.functions.create_function(
                **named, **settings, Handler=row["handler"], Code={"ZipFile": code}, Tags=tags
            )
            return
        self.functions.update_function_configuration(**named, **settings)
        there = self.functions.list_tags(Resource=arn)["Tags"]
        others = [key for key in there if key not in tags]
        if others:
            self.functions.untag_resource(Resource=arn, TagKeys=others)
        self.functions.tag_resource(Resource=arn, Tags=tags)
        self.functions.delete_function_concurrency(**named)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / ".chalice").mkdir(parents=True)
    config = {"log_retention_in_days": 30, "stages": {STAGE: {"lambda_functions": {}}}}
    (folder / ".chalice" / "config.json").write_text(json.dumps(config))
    return Project(folder, STAGE, "0123456789abcdef")


@pytest.fixture
def step(ground: Ground, project: Project, monkeypatch: pytest.MonkeyPatch) -> FunctionsStep:
    """The step, with what stands for Chalice."""
    made = FunctionsStep(ground.account, project)
    chalice = Chalice(ground, made)
    monkeypatch.setattr(FunctionsStep, "_rows", lambda _self: ROWS)
    monkeypatch.setattr(FunctionsStep, "_run_chalice", lambda _self: chalice())
    return made


def configured(ground: Ground, **changes: Any) -> None:
    ground.aws("lambda").update_function_configuration(FunctionName=ONE, **changes)


def attached(ground: Ground) -> None:
    ground.aws("iam").create_policy(PolicyName="more", PolicyDocument=ANYTHING)
    ground.aws("iam").attach_role_policy(RoleName=ONE, PolicyArn=MORE)


def role_gone(ground: Ground) -> None:
    ground.aws("iam").delete_role_policy(RoleName=ONE, PolicyName=ONE)
    ground.aws("iam").delete_role(RoleName=ONE)


DRIFT: dict[str, tuple[Callable[[Ground], object], str]] = {
    "memory": (lambda at: configured(at, MemorySize=128), f"functions: {ONE}: memory_mb is 128"),
    "timeout": (lambda at: configured(at, Timeout=900), f"{ONE}: timeout_seconds is 900"),
    "environment changed": (
        lambda at: configured(at, Environment={"Variables": {"TOLLGATE_STAGE": "prod"}}),
        f"{ONE}: environment: TOLLGATE_STAGE is 'prod'",
    ),
    "environment added": (
        lambda at: configured(at, Environment={"Variables": {"TOLLGATE_STAGE": STAGE, "PYTHONPATH": "x"}}),
        f"{ONE}: environment: PYTHONPATH is there",
    ),
    "handler": (lambda at: configured(at, Handler="other.handle"), f"{ONE}: handler is 'other.handle'"),
    "runtime": (lambda at: configured(at, Runtime="python3.12"), f"{ONE}: runtime is 'python3.12'"),
    "another role": (
        lambda at: configured(at, Role=f"arn:aws:iam::{ACCOUNT}:role/admin"),
        f"{ONE}: role is 'arn:aws:iam::{ACCOUNT}:role/admin'",
    ),
    "code": (
        lambda at: at.aws("lambda").update_function_code(FunctionName=ONE, ZipFile=package("other")),
        f"{ONE}: code is 'something else'",
    ),
    "tag of the source": (
        lambda at: at.aws("lambda").tag_resource(Resource=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{ONE}", Tags={SOURCE_TAG: "x"}),
        f"{ONE}: project is 'x'",
    ),
    "reserved concurrency": (
        lambda at: at.aws("lambda").put_function_concurrency(FunctionName=ONE, ReservedConcurrentExecutions=0),
        f"{ONE}: reserved concurrency is 0",
    ),
    "function gone": (lambda at: at.aws("lambda").delete_function(FunctionName=ONE), f"function {ONE} is missing"),
    "policy widened": (
        lambda at: at.aws("iam").put_role_policy(RoleName=ONE, PolicyName=ONE, PolicyDocument=ANYTHING),
        f"{ONE}: policies: {ONE}: Statement",
    ),
    "policy gone": (
        lambda at: at.aws("iam").delete_role_policy(RoleName=ONE, PolicyName=ONE),
        f"{ONE}: policies: {ONE} is missing",
    ),
    "second policy": (
        lambda at: at.aws("iam").put_role_policy(RoleName=ONE, PolicyName="more", PolicyDocument=ANYTHING),
        f"{ONE}: policies: more is there",
    ),
    "policy attached": (
        attached,
        f"{ONE}: attached policies is ['{MORE}']",
    ),
    "taken by anybody": (
        lambda at: at.aws("iam").update_assume_role_policy(RoleName=ONE, PolicyDocument=ANYBODY),
        f"{ONE}: trust: Statement is",
    ),
    "role gone": (role_gone, f"{ONE}: trust is missing"),
    "log kept for ever": (lambda at: at.aws("logs").delete_retention_policy(logGroupName=GROUP), f"{ONE}: log days is None"),
    "log kept for a day": (
        lambda at: at.aws("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=1),
        f"{ONE}: log days is 1",
    ),
    "log gone": (lambda at: at.aws("logs").delete_log_group(logGroupName=GROUP), f"{ONE}: log days is None"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(DRIFT))
def test_what_was_done_to_a_function_is_named_and_undone(ground: Ground, step: FunctionsStep, kind: str) -> None:
    step.apply()
    tampering, words = DRIFT[kind]
    tampering(ground)
    is_mended(ground, step, words)


@pytest.mark.parametrize("cut", [0, 6, 12, 13])
def test_a_first_deployment_may_be_cut_off_anywhere(ground: Ground, step: FunctionsStep, cut: int) -> None:
    with pytest.raises(Cut), cut_off(ground, "", cut):
        step.apply()
    assert step.differences()
    take([step])
    assert step.differences() == []


@pytest.mark.parametrize("cut", [0, 9, 18, 20, 22])
def test_a_repair_may_be_cut_off_anywhere(ground: Ground, step: FunctionsStep, cut: int) -> None:
    """In the middle of Chalice, and before each change that puts right what Chalice leaves alone."""
    step.apply()
    configured(ground, Handler="other.handle")
    ground.aws("iam").put_role_policy(RoleName=ONE, PolicyName="more", PolicyDocument=ANYTHING)
    ground.aws("iam").update_assume_role_policy(RoleName=ONE, PolicyDocument=ANYBODY)
    with pytest.raises(Cut), cut_off(ground, "", cut):
        step.apply()
    assert step.differences()
    is_mended(ground, step)


def test_another_source_is_another_deployment(ground: Ground, step: FunctionsStep, project: Project) -> None:
    take([step])
    step.project = Project(project.folder, STAGE, "fedcba9876543210")
    is_mended(ground, step, "project is '0123456789abcdef' and should be 'fedcba9876543210'")


def test_destroy_takes_all_away_and_may_be_said_twice(ground: Ground, step: FunctionsStep) -> None:
    take([step])
    ground.aws("iam").put_role_policy(RoleName=ONE, PolicyName="more", PolicyDocument=ANYTHING)
    attached(ground)
    gone = step.destroy()
    assert [line for line in gone if ONE in line] == [
        f"{what} {ONE}" for what in ("the function", "the policies of", "the role", "the log of")
    ]
    assert step.destroy() == []
    assert step.differences() == [f"function {row['name']} is missing" for row in ROWS]


# --- Chalice at fault -----------------------------------------------------------------------------------------------


def _answering(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    monkeypatch.setattr("infra.deploy.functions_step.subprocess.run", run)


def test_what_chalice_said_last_is_told(ground: Ground, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    step = FunctionsStep(ground.account, project)
    done = subprocess.CompletedProcess([], 1, "Creating role\n", "AccessDenied: no\n")
    _answering(monkeypatch, lambda *_args, **_more: done)
    with pytest.raises(DeployFault, match=r"chalice deploy failed:\n  Creating role\n  AccessDenied: no\nMend that"):
        step._run_chalice()


def test_a_package_that_is_missing_is_no_success(
    ground: Ground, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess([], 0, "Could not install dependencies: x==1\n", "")
    _answering(monkeypatch, lambda *_args, **_more: done)
    with pytest.raises(DeployFault, match="Could not install"):
        FunctionsStep(ground.account, project)._run_chalice()


def test_chalice_that_hangs_is_stopped(ground: Ground, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_args: Any, **_more: Any) -> Any:
        raise subprocess.TimeoutExpired("chalice", 900)

    _answering(monkeypatch, hang)
    with pytest.raises(DeployFault, match="more than 900 s and was stopped: run this again, it goes on"):
        FunctionsStep(ground.account, project)._run_chalice()


def test_a_function_that_chalice_forgot_is_said(
    ground: Ground, step: FunctionsStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FunctionsStep, "_run_chalice", lambda _self: None)
    with pytest.raises(DeployFault, match=f"chalice deploy has not made {ONE}: run this again"):
        step.apply()


def test_a_role_that_chalice_forgot_is_said(
    ground: Ground, step: FunctionsStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    step.apply()
    role_gone(ground)
    monkeypatch.setattr(FunctionsStep, "_run_chalice", lambda _self: None)
    with pytest.raises(DeployFault, match=f"the role of {ONE} is not there, or not seen yet: run this again"):
        step.apply()


# --- what the emulator does not have --------------------------------------------------------------------------------


class Layered:
    """Lambda with a function that has layers and a network, in the middle of an update."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def update_function_configuration(self, **asked: Any) -> None:
        self.made.append(asked)

    def get_waiter(self, name: str) -> Any:
        self.made.append(name)
        return self

    def wait(self, **_asked: Any) -> None:
        self.made.append("ready")


def test_layers_and_networks_go_and_the_update_is_waited_for(project: Project) -> None:
    aws = Layered()
    fake: Any = type("Fake", (), {"client": lambda _self, _service: aws})()
    found = {"handler": "a.b", "layers": ["arn:aws:lambda:x"], "network": ["subnet-1"]}
    FunctionsStep(fake, project)._put_right_settings(ONE, {"handler": "a.b", "layers": [], "network": []}, found)
    changes = {"Layers": [], "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}
    assert aws.made == [{"FunctionName": ONE, **changes}, "function_updated_v2", "ready"]
