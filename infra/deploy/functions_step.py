"""`chalice deploy`: the functions with their roles, policies and logs, from the project of the stage."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.project import SOURCE_TAG, Project
from infra.event_sources import APP
from infra.functions import Row, function_rows
from infra.permissions import Where, policy
from infra.resources import read_resources

DEPLOY_SECONDS: Final = 900
_LINES_SAID: Final = 12


def short_name(row: Row, stage: str) -> str:
    """The name of a function within its stage: `payments` of `tollgate-dev-payments`."""
    return str(row["name"]).removeprefix(f"{APP}-{stage}-")


def missing(error: ClientError) -> bool:
    """Tell whether AWS says that something is not there."""
    return error.response["Error"]["Code"] in ("ResourceNotFoundException", "NoSuchEntity", "NotFoundException")


@dataclass(slots=True)
class FunctionsStep:
    """The functions as Chalice deploys them."""

    account: Account
    project: Project
    name: str = field(default="functions", init=False)

    def differences(self) -> list[str]:
        """Compare code (by the tag that names the project), settings and policies."""
        wanted = {row["name"]: self._wanted(row) for row in self._rows()}
        found = {name: self._found(name) for name in wanted}
        there = {name: row for name, row in found.items() if row is not None}
        return [
            *(f"function {name} is missing" for name in wanted if name not in there),
            *compare.differences({name: wanted[name] for name in there}, there, "functions"),
        ]

    def _rows(self) -> list[Row]:
        return function_rows(self.project.stage, root=self.project.folder)

    def _wanted(self, row: Row) -> Row:
        function = short_name(row, self.project.stage)
        where = Where(self.account.account, self.account.region)
        return {
            "handler": row["handler"],
            "memory_mb": row["memory_mb"],
            "timeout_seconds": row["timeout_seconds"],
            "environment": row["environment"],
            "project": self.project.digest,
            "policy": policy(function, read_resources(self.project.stage), where),
        }

    def _found(self, name: str) -> Row | None:
        try:
            answer = self.account.client("lambda").get_function(FunctionName=name)
        except ClientError as error:
            if missing(error):
                return None
            raise
        settings, written = answer["Configuration"], self._policy(name)
        return {
            "handler": settings["Handler"],
            "memory_mb": settings["MemorySize"],
            "timeout_seconds": settings["Timeout"],
            "environment": settings.get("Environment", {}).get("Variables", {}),
            "project": answer.get("Tags", {}).get(SOURCE_TAG, ""),
            **({"policy": written} if written else {}),
        }

    def _policy(self, name: str) -> Any:
        try:
            return self.account.client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
        except ClientError as error:
            if missing(error):
                return {}
            raise

    def apply(self) -> None:
        """Run Chalice; DeployFault with what it said last."""
        command = [str(Path(sys.executable).with_name("chalice")), "deploy", "--stage", self.project.stage]
        done = subprocess.run(  # noqa: S603 - the project's own tool
            command,
            cwd=self.project.folder,
            env=_environment(self.account, os.environ),
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
        )
        said = (done.stdout + done.stderr).strip().splitlines()[-_LINES_SAID:]
        if done.returncode or any("Could not install" in line for line in said):
            raise DeployFault("chalice deploy failed:\n  " + "\n  ".join(said) + "\nMend that and run this again.")

    def destroy(self) -> list[str]:
        """Delete functions, roles and logs by their names; Chalice's own memory may be on another machine."""
        names = [row["name"] for row in self._rows()]
        gone = [f"{what} {name}" for name in names for what in self._delete(name)]
        (self.project.folder / ".chalice" / "deployed" / f"{self.project.stage}.json").unlink(missing_ok=True)
        return gone

    def _delete(self, name: str) -> Iterator[str]:
        functions, iam, logs = (self.account.client(one) for one in ("lambda", "iam", "logs"))
        calls: dict[str, Callable[[], object]] = {
            "the function": lambda: functions.delete_function(FunctionName=name),
            "the policy of": lambda: iam.delete_role_policy(RoleName=name, PolicyName=name),
            "the role": lambda: iam.delete_role(RoleName=name),
            "the log of": lambda: logs.delete_log_group(logGroupName=f"/aws/lambda/{name}"),
        }
        for what, call in calls.items():
            try:
                call()
            except ClientError as error:
                if not missing(error):
                    raise
            else:
                yield what


def _environment(account: Account, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of Chalice: ours, in the Region that we deploy to."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    # Chalice imports the app before it packs it, and would pack what Python writes besides.
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**kept, "AWS_DEFAULT_REGION": account.region, "AWS_REGION": account.region}
