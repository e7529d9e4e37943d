"""`chalice deploy`: the functions with their roles, policies and logs, from the project of the stage.

Chalice changes what it has an opinion of. What else can lead a function or its role astray is read here, and put right
after it: another handler, layers, a network, a second policy, somebody else who may take the role.
"""

import json
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
from infra.deploy.project import CODE_TAG, SOURCE_TAG, Project
from infra.event_sources import APP
from infra.functions import Row, function_rows
from infra.permissions import Where, policy
from infra.resources import read_resources

DEPLOY_SECONDS: Final = 900
_LINES_SAID: Final = 12
_READY_ATTEMPTS: Final = 120

TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
"""Who may take a function's role, as Chalice writes it."""

_NO_NETWORK: Final[Row] = {"SubnetIds": [], "SecurityGroupIds": []}


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
        """Compare code, settings, roles and logs of every function, and look for functions that nobody has defined."""
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
        config = json.loads((self.project.folder / ".chalice" / "config.json").read_text())
        own = config["stages"][self.project.stage].get("lambda_functions", {}).get(function, {})
        document = policy(function, read_resources(self.project.stage), where)
        return {
            "handler": row["handler"],
            "runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "memory_mb": row["memory_mb"],
            "timeout_seconds": row["timeout_seconds"],
            "environment": row["environment"],
            "project": self.project.digest,
            "code": "as deployed",
            "layers": [],
            "network": [],
            "reserved concurrency": own.get("reserved_concurrency"),
            "role": f"arn:aws:iam::{self.account.account}:role/{row['name']}",
            "trust": TRUST,
            "policies": {row["name"]: document},
            "attached policies": [],
            "log days": config.get("log_retention_in_days"),
        }

    def _found(self, name: str) -> Row | None:
        try:
            answer = self._lambda.get_function(FunctionName=name)
        except ClientError as error:
            if missing(error):
                return None
            raise
        settings, tags = answer["Configuration"], answer.get("Tags", {})
        return {
            "handler": settings["Handler"],
            "runtime": settings["Runtime"],
            "memory_mb": settings["MemorySize"],
            "timeout_seconds": settings["Timeout"],
            "environment": settings.get("Environment", {}).get("Variables", {}),
            "project": tags.get(SOURCE_TAG, ""),
            "code": "as deployed" if tags.get(CODE_TAG) == settings["CodeSha256"] else "something else",
            "layers": [row["Arn"] for row in settings.get("Layers") or ()],
            "network": (settings.get("VpcConfig") or {}).get("SubnetIds", []),
            "reserved concurrency": answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
            "role": settings["Role"],
            **self._role(name),
            "log days": self._log_days(name),
        }

    def _role(self, name: str) -> Row:
        """Who may take the role of a function, and what the role may do; nothing if there is none of its name."""
        try:
            trust = self._iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except ClientError as error:
            if missing(error):
                return {}
            raise
        documents = {
            one: self._iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]
            for one in _inline(self._iam, name)
        }
        return {"trust": trust, "policies": documents, "attached policies": _attached(self._iam, name)}

    def _log_days(self, name: str) -> int | None:
        group = f"/aws/lambda/{name}"
        answers = self.account.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
        rows = [row for answer in answers for row in answer["logGroups"] if row["logGroupName"] == group]
        return rows[0].get("retentionInDays") if rows else None

    def apply(self) -> None:
        """Run Chalice, then put right what it leaves alone; DeployFault with what it said last."""
        # Chalice finds everything by its name. What it remembers it would delete once app.py has lost it, while the API
        # still leads there; that is for the last step (leftovers_step.py).
        self._memory.unlink(missing_ok=True)
        self._run_chalice()
        for row in self._rows():
            self._put_right(row["name"], self._wanted(row))

    @property
    def _memory(self) -> Path:
        return self.project.folder / ".chalice" / "deployed" / f"{self.project.stage}.json"

    def _run_chalice(self) -> None:
        command = [str(Path(sys.executable).with_name("chalice")), "deploy", "--stage", self.project.stage]
        try:
            done = subprocess.run(  # noqa: S603 - the project's own tool
                command,
                cwd=self.project.folder,
                env=_environment(self.account, os.environ),
                capture_output=True,
                text=True,
                timeout=DEPLOY_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DeployFault(
                f"chalice deploy took more than {DEPLOY_SECONDS} s and was stopped: run this again, it goes on"
            ) from None
        said = (done.stdout + done.stderr).strip().splitlines()[-_LINES_SAID:]
        if done.returncode or any("Could not install" in line for line in said):
            raise DeployFault("chalice deploy failed:\n  " + "\n  ".join(said) + "\nMend that and run this again.")

    def _put_right(self, name: str, wanted: Row) -> None:
        found = self._found(name)
        if found is None:
            raise DeployFault(f"chalice deploy has not made {name}: run this again")
        self._put_right_settings(name, wanted, found)
        self._put_right_role(name, wanted, found)
        code = self._lambda.get_function_configuration(FunctionName=name)
        self._lambda.tag_resource(Resource=code["FunctionArn"], Tags={CODE_TAG: code["CodeSha256"]})

    def _put_right_settings(self, name: str, wanted: Row, found: Row) -> None:
        values = {
            "handler": ("Handler", wanted["handler"]),
            "layers": ("Layers", []),
            "network": ("VpcConfig", _NO_NETWORK),
        }
        changes = {given: value for part, (given, value) in values.items() if found[part] != wanted[part]}
        if changes:
            self._lambda.update_function_configuration(FunctionName=name, **changes)
            ready = {"Delay": 1, "MaxAttempts": _READY_ATTEMPTS}
            self._lambda.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=ready)

    def _put_right_role(self, name: str, wanted: Row, found: Row) -> None:
        if "trust" not in found:
            raise DeployFault(f"the role of {name} is not there, or not seen yet: run this again, and Chalice makes it")
        if found["trust"] != wanted["trust"]:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(TRUST))
        for one in found["policies"]:
            if one not in wanted["policies"]:
                self._iam.delete_role_policy(RoleName=name, PolicyName=one)
        for arn in found["attached policies"]:
            self._iam.detach_role_policy(RoleName=name, PolicyArn=arn)

    def destroy(self) -> list[str]:
        """Delete functions, roles and logs by their names; Chalice's own memory may be on another machine."""
        gone = [f"{what} {row['name']}" for row in self._rows() for what in delete_function(self.account, row["name"])]
        self._memory.unlink(missing_ok=True)
        return gone

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")

    @property
    def _iam(self) -> Any:
        return self.account.client("iam")


def delete_function(account: Account, name: str, *, keeps_log: bool = False) -> Iterator[str]:
    """Delete a function with its role, and its log unless that is kept; say what was there."""
    functions, iam, logs = (account.client(service) for service in ("lambda", "iam", "logs"))
    calls: dict[str, Callable[[], object]] = {
        "the function": lambda: functions.delete_function(FunctionName=name),
        "the policies of": lambda: _delete_policies(iam, name),
        "the role": lambda: iam.delete_role(RoleName=name),
        "the log of": lambda: keeps_log or logs.delete_log_group(logGroupName=f"/aws/lambda/{name}"),
    }
    for what, call in calls.items():
        try:
            call()
        except ClientError as error:
            if not missing(error):
                raise
        else:
            yield what


def _delete_policies(iam: Any, name: str) -> None:
    for one in _inline(iam, name):
        iam.delete_role_policy(RoleName=name, PolicyName=one)
    for arn in _attached(iam, name):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)


def _inline(iam: Any, name: str) -> list[str]:
    answers = iam.get_paginator("list_role_policies").paginate(RoleName=name)
    return [one for answer in answers for one in answer["PolicyNames"]]


def _attached(iam: Any, name: str) -> list[str]:
    answers = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    return [row["PolicyArn"] for answer in answers for row in answer["AttachedPolicies"]]


def _environment(account: Account, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of Chalice: ours, in the Region that we deploy to."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    # Chalice imports the app before it packs it, and would pack what Python writes besides.
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**kept, "AWS_DEFAULT_REGION": account.region, "AWS_REGION": account.region}
