"""The log of the API's requests, and the account's leave for API Gateway to write logs at all."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.resources import Resources
from infra.template import LOG, Row, of_kind

ROLE: Final = "tollgate-apigateway-logs"
"""One for all stages: API Gateway has a single role per account and Region.

Source: API Gateway developer guide, "Set up CloudWatch logging for REST APIs"."""

_MANAGED: Final = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_ATTEMPTS: Final = 12
_WAIT_SECONDS: Final = 5.0
"""A new role is known everywhere within seconds, and within a minute at the latest."""


@dataclass(slots=True)
class LogStep:
    """The log group of the stage."""

    account: Account
    resources: Resources
    name: str = field(default="API's log", init=False)

    def differences(self) -> list[str]:
        """Compare it with its description."""
        found = self._found()
        if found is None:
            return [f"the log {self.resources.api_log} is missing"]
        return list(compare.differences(self._wanted, found, f"log {self.resources.api_log}"))

    @property
    def _wanted(self) -> Row:
        (row,) = of_kind(self.resources, self.account.where, LOG)
        return row

    def _found(self) -> Row | None:
        rows = self._logs.describe_log_groups(logGroupNamePrefix=self.resources.api_log)["logGroups"]
        for row in rows:
            if row["logGroupName"] == self.resources.api_log:
                return {"LogGroupName": row["logGroupName"], "RetentionInDays": row.get("retentionInDays", 0)}
        return None

    def apply(self) -> None:
        """Create it, and have it forget."""
        if self._found() is None:
            self._logs.create_log_group(logGroupName=self.resources.api_log)
        self._logs.put_retention_policy(
            logGroupName=self.resources.api_log, retentionInDays=self._wanted["RetentionInDays"]
        )

    def destroy(self) -> list[str]:
        """Delete it with what is in it."""
        if self._found() is None:
            return []
        self._logs.delete_log_group(logGroupName=self.resources.api_log)
        return [f"the log {self.resources.api_log}"]

    @property
    def _logs(self) -> Any:
        return self.account.client("logs")


@dataclass(slots=True)
class LogRoleStep:
    """The role with which API Gateway writes logs; one that somebody else has set is good enough."""

    account: Account
    wait: Callable[[float], None] = time.sleep
    name: str = field(default="log role", init=False)

    def differences(self) -> list[str]:
        """Tell whether there is one; whether somebody else's can be taken is not looked at."""
        known = self._gateway.get_account().get("cloudwatchRoleArn")
        if not known:
            return ["API Gateway has no role in this account to write logs with"]
        if known.endswith(f":role/{ROLE}") and not self._has_role():
            return [f"the role {ROLE}, with which API Gateway writes logs, is missing"]
        return []

    def _has_role(self) -> bool:
        try:
            self._iam.get_role(RoleName=ROLE)
        except self._iam.exceptions.NoSuchEntityException:
            return False
        return True

    def apply(self) -> None:
        """Make the role, and name it to API Gateway."""
        arn = self._role()
        if self.account.is_aws:  # a stand-in has no policies of AWS's own, and asks for none
            self._iam.attach_role_policy(RoleName=ROLE, PolicyArn=_MANAGED)
        change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._gateway.update_account(patchOperations=[change])
            except ClientError as error:
                if error.response["Error"]["Code"] != "BadRequestException" or attempt == _ATTEMPTS:
                    raise
                self.wait(_WAIT_SECONDS)
            else:
                return

    def _role(self) -> str:
        try:
            made = self._iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))
        except self._iam.exceptions.EntityAlreadyExistsException:
            made = self._iam.get_role(RoleName=ROLE)
        return str(made["Role"]["Arn"])

    def destroy(self) -> list[str]:
        """Nothing: the other APIs of the account write with it too."""
        known = self._gateway.get_account().get("cloudwatchRoleArn")
        return [f"(stays: {known}, with which all APIs of the account write logs)"] if known else []

    @property
    def _gateway(self) -> Any:
        return self.account.client("apigateway")

    @property
    def _iam(self) -> Any:
        return self.account.client("iam")
