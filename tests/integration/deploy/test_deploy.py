"""`chalice deploy --stage local` against moto, from a clean copy: what lands is what is configured (about 25 s)."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import boto3
import pytest

from infra.functions import ROOT, function_rows
from infra.local import engines

DEPLOY_SECONDS = 180
SHIPPED = ("app.py", "requirements.txt", ".chalice/config.json", "chalicelib")
ASYNCHRONOUS = {
    "payments_due": "chalicelib.payments.entrypoint.sweep",
    "transfers_due": "chalicelib.transfers.entrypoint.sweep",
    "projections": "chalicelib.projections.entrypoint.project",
    "verifier": "chalicelib.verifier.entrypoint.run",
    "keys": "chalicelib.keys.entrypoint.rotate",
}
"""Functions that no gateway calls, and their handlers."""

CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())
FUNCTIONS = CONFIG["stages"]["local"]["lambda_functions"]
ROOMS = tuple(FUNCTIONS)
HANDLERS = {room: ASYNCHRONOUS.get(room, f"chalicelib.{room}.entrypoint.handle") for room in ROOMS}

each_room = pytest.mark.parametrize("room", ROOMS)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What Chalice said and made, and the account it was made in."""

    project: Path
    output: str
    endpoint: str

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", **keys)

    def configuration(self, room: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=f"tollgate-local-{room}")
        return found

    def zip(self) -> Path:
        (package,) = (self.project / ".chalice" / "deployments").iterdir()
        return package


def _copy(project: Path) -> None:
    """Copy what is deployed, and nothing a developer's machine has besides."""
    policies = [f".chalice/{one['iam_policy_file']}" for one in FUNCTIONS.values()]
    for name in (*SHIPPED, *policies):
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One deployment for all tests of this file."""
    project = tmp_path_factory.mktemp("project")
    _copy(project)
    moto = engines.start_moto()
    try:
        yield Deployment(project, _deploy(project, moto.url), moto.url)
    finally:
        moto.stop()


def _deploy(project: Path, endpoint: str) -> str:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}
    # Chalice imports the app and then packs the folder: what that compiled would ship, with this machine's times in it.
    keys["PYTHONDONTWRITEBYTECODE"] = "1"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("chalice")), "deploy", "--stage", "local"],
        cwd=project,
        env={**inherited, **keys, "AWS_ENDPOINT_URL": endpoint},
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def test_the_functions_land_and_nothing_else(deployment: Deployment) -> None:
    names = {row["FunctionName"] for row in deployment.client("lambda").list_functions()["Functions"]}
    assert names == {f"tollgate-local-{room}" for room in ROOMS}
    assert "Could not install" not in deployment.output
    resources = json.loads((deployment.project / ".chalice" / "deployed" / "local.json").read_text())["resources"]
    assert {row["resource_type"] for row in resources} == {"lambda_function", "iam_role", "log_group"}


@each_room
def test_each_has_the_size_and_environment_that_are_configured(deployment: Deployment, room: str) -> None:
    landed, wanted = deployment.configuration(room), FUNCTIONS[room]
    assert landed["MemorySize"] == wanted["lambda_memory_size"]
    assert landed["Timeout"] == wanted["lambda_timeout"]
    common = CONFIG["stages"]["local"]["environment_variables"]
    assert landed["Environment"]["Variables"] == common | wanted.get("environment_variables", {})
    assert landed["Handler"] == HANDLERS[room]
    assert landed["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_the_functions_file_says_the_same(deployment: Deployment) -> None:
    for row in function_rows("local"):
        landed = deployment.configuration(row["name"].removeprefix("tollgate-local-"))
        assert row == {
            "name": landed["FunctionName"],
            "handler": landed["Handler"],
            "memory_mb": landed["MemorySize"],
            "timeout_seconds": landed["Timeout"],
            "environment": landed["Environment"]["Variables"],
        }


@each_room
def test_l3_each_has_a_role_of_its_own_with_its_policy(deployment: Deployment, room: str) -> None:
    iam, name = deployment.client("iam"), f"tollgate-local-{room}"
    assert deployment.configuration(room)["Role"].endswith(f":role/{name}")
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == [name]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    landed = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    assert landed == json.loads((ROOT / ".chalice" / FUNCTIONS[room]["iam_policy_file"]).read_text())


def test_each_log_group_is_made_and_forgets(deployment: Deployment) -> None:
    groups = deployment.client("logs").describe_log_groups()["logGroups"]
    assert {(row["logGroupName"], row["retentionInDays"]) for row in groups} == {
        (f"/aws/lambda/tollgate-local-{room}", CONFIG["log_retention_in_days"]) for room in ROOMS
    }


def test_what_ships_is_what_is_pinned(deployment: Deployment) -> None:
    with ZipFile(deployment.zip()) as package:
        names = package.namelist()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.replace("-", "_").replace("==", "-") for line in lines if not line.startswith("#")}
    shipped = {name.split(".dist-info/")[0] for name in names if ".dist-info/" in name}
    assert shipped == pinned
    installed = {
        top for name in names if name.endswith(".dist-info/RECORD") for top in _tops_of(deployment.zip(), name)
    }
    assert {name.split("/")[0] for name in names} == installed | {"app.py", "chalice", "chalicelib"}
    assert {name for name in names if name.startswith("chalice/")} == {"chalice/__init__.py", "chalice/app.py"}
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "chalicelib").rglob("*.py")}
    assert {name for name in names if name.startswith("chalicelib/")} == ours
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def _tops_of(package: Path, record: str) -> set[str]:
    """Return the top folders and files that an installed package says it has."""
    with ZipFile(package) as opened:
        return {row.partition("/")[0].partition(",")[0] for row in opened.read(record).decode().splitlines()}


def test_each_handler_loads_from_the_zip_alone(deployment: Deployment, tmp_path: Path) -> None:
    with ZipFile(deployment.zip()) as package:
        package.extractall(tmp_path)
    program = (
        "import importlib, sys; "
        "[getattr(importlib.import_module(name.rpartition('.')[0]), name.rpartition('.')[2]) for name in sys.argv[1:]]"
    )
    command = [sys.executable, "-S", "-s", "-c", program, *HANDLERS.values()]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, timeout=60, check=True)
