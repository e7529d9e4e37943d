"""The command: whatever is wrong is one line on stderr that says what to do, and nothing was done."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.deploy import __main__ as command
from infra.deploy import steps
from infra.deploy.__main__ import guarded, main
from infra.deploy.api_definition import FILE, read_definition
from infra.deploy.fault import DeployFault
from infra.functions import ROOT, UnknownStage
from infra.local.place import BadSetting

ISSUER = ("--issuer", "https://issuer.test", "--issuer-directory", "issuer")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A machine that knows nothing of AWS and runs no stack; what Chalice imports is forgotten again."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "LOCAL", "DATA"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(command, "FOLDER", tmp_path / "deploy")
    path, app = list(sys.path), sys.modules.pop("app", None)
    yield monkeypatch
    sys.path[:] = path
    sys.modules.pop("app", None)
    if app is not None:
        sys.modules["app"] = app


@pytest.fixture
def account(bare: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with nothing in it."""
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}.items():
        bare.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says when it refuses: one line, and nothing else."""
    assert main(list(arguments)) == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("tollgate: ")
    assert said.err.count("\n") == 1, said.err
    return said.err.removeprefix("tollgate: ").rstrip("\n")


def closed_port() -> int:
    with closing(socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("name", ["plan", "deploy", "rollback", "destroy"])
def test_an_unknown_stage_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str], name: str) -> None:
    said = refused(capsys, name, "--stage", "nowhere", *ISSUER)
    assert said == "there is no stage 'nowhere' in infra/stages.yaml; there are local, dev, prod"


@pytest.mark.parametrize("confirm", [(), ("--confirm", "prod")])
def test_a_stage_is_not_taken_away_by_accident(capsys: pytest.CaptureFixture[str], confirm: tuple[str, ...]) -> None:
    said = refused(capsys, "destroy", "--stage", "dev", *confirm)
    assert said == "this takes the stage dev away: say so with CONFIRM=dev (--confirm dev)"


@pytest.mark.parametrize("missing", [ISSUER[:2], ISSUER[2:]])
def test_half_an_issuer_is_told(capsys: pytest.CaptureFixture[str], missing: tuple[str, ...]) -> None:
    said = refused(capsys, "plan", "--stage", "dev", *missing)
    assert said == "an issuer has a URL and a folder: ISSUER=https://... ISSUER_DIRECTORY=..., or neither"


def test_no_region_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "plan", "--stage", "dev", *ISSUER)
    assert said == "no Region: set AWS_REGION, for example AWS_REGION=eu-central-1"


def test_no_credentials_are_told(capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_REGION", "us-east-1")
    said = refused(capsys, "deploy", "--stage", "dev", *ISSUER)
    assert said == "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_half_of_the_credentials_is_told(capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_REGION", "us-east-1")
    bare.setenv("AWS_ACCESS_KEY_ID", "x")
    said = refused(capsys, "deploy", "--stage", "dev", *ISSUER)
    assert "AWS_SECRET_ACCESS_KEY" in said
    assert said.endswith("log in again, or set the credentials whole")


def test_a_profile_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_REGION", "us-east-1")
    bare.setenv("AWS_PROFILE", "mine")
    said = refused(capsys, "rollback", "--stage", "dev")
    assert (
        said
        == "The config profile (mine) could not be found: correct AWS_PROFILE, or make the profile with aws configure"
    )


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["plan", "rollback"])
def test_an_endpoint_that_is_down_is_told(
    capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch, name: str
) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    bare.setenv("AWS_ENDPOINT_URL", url)
    said = refused(capsys, name, "--stage", "dev", *ISSUER)
    assert url in said
    assert said.endswith("start what should listen there, or correct AWS_ENDPOINT_URL")


def test_an_endpoint_that_is_none_is_told(capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_REGION", "us-east-1")
    bare.setenv("AWS_ENDPOINT_URL", "not a url")
    said = refused(capsys, "plan", "--stage", "dev", *ISSUER)
    assert said == "Invalid endpoint: not a url: correct AWS_REGION or AWS_ENDPOINT_URL"


def test_a_region_that_is_none_is_told(capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_REGION", "the moon")
    said = refused(capsys, "plan", "--stage", "dev", *ISSUER)
    assert "'the moon'" in said
    assert said.endswith("correct AWS_REGION or AWS_ENDPOINT_URL")


def test_a_stack_that_does_not_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "plan", "--stage", "local")
    assert said == "no stack is running to deploy to: start one with make run DEPLOYED=1"


@pytest.mark.usefixtures("account")
def test_there_is_nothing_to_go_back_to_in_an_empty_account(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "rollback", "--stage", "dev")
    assert said == "there is no earlier release to go back to; make deploy goes to the one deployed last"


FAULTY: dict[str, tuple[Callable[[str], str], str]] = {
    "unknown function": (
        lambda text: text.replace("tollgate-${stage}-refunds:live", "tollgate-${stage}-gifts:live"),
        "infra/api.yaml leads to the function tollgate-dev-gifts, which app.py does not have: correct one of them",
    ),
    "unknown variable": (
        lambda text: text.replace("${audience}", "${audiences}"),
        "api.yaml has the variable 'audiences', which a deployment does not know; it knows region, account, stage,",
    ),
    "no YAML": (lambda text: text.replace("openapi: 3.0.1", "openapi: ["), "api.yaml is no YAML: while parsing"),
    "a policy": (
        lambda text: f"{text}x-amazon-apigateway-policy: {{}}\n",
        "api.yaml has x-amazon-apigateway-policy, which is not deployed: take it out",
    ),
}


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("kind", list(FAULTY))
def test_a_faulty_definition_is_told_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], bare: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    change, words = FAULTY[kind]
    file = tmp_path / "api.yaml"
    file.write_text(change(FILE.read_text()))
    bare.setattr(steps, "read_definition", partial(read_definition, file=file))
    for name in ("plan", "deploy"):
        assert refused(capsys, name, "--stage", "dev", *ISSUER).startswith(words)
    assert boto3.client("apigateway", region_name="us-east-1").get_rest_apis()["items"] == []


def test_as_a_program_it_ends_with_one_and_one_line(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "infra.deploy", "destroy", "--stage", "dev"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tollgate: this takes the stage dev away: say so with CONFIRM=dev (--confirm dev)\n"


THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetRole")


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (DeployFault("mend it"), 1, "mend it"),
        (BadSetting("PORT=x: choose another"), 1, "PORT=x: choose another"),
        (THROTTLED, 1, "slow down: nothing after this was done; mend it, and run the same again"),
        (OSError("no space left"), 1, "no space left: nothing after this was done"),
        (UnknownStage("there is no stage"), 1, "there is no stage: nothing after this"),
        (KeyboardInterrupt(), 130, "stopped in the middle: run the same again, it goes on from there"),
    ],
)
def test_what_goes_wrong_outside_is_one_line(
    capsys: pytest.CaptureFixture[str], fault: BaseException, code: int, words: str
) -> None:
    def fail() -> Any:
        raise fault

    assert guarded(fail) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_a_fault_of_ours_is_not_hidden() -> None:
    def fail() -> None:
        raise AssertionError

    with pytest.raises(AssertionError):
        guarded(fail)
