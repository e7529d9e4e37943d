"""Who may invoke the functions through `live`: API Gateway those behind the API, EventBridge the scheduled ones."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.api_found import find_api
from infra.deploy.functions_step import missing
from infra.deploy.release_step import ALIAS
from infra.deploy.sources_step import rule_arn
from infra.event_sources import APP
from infra.functions import Row
from infra.resources import Resources


@dataclass(slots=True)
class PermissionsStep:
    """The resource policies of the alias `live`, one statement per function; `routed` are those behind the API."""

    account: Account
    resources: Resources
    api_name: str
    routed: tuple[str, ...]
    name: str = field(default="permissions", init=False)

    def differences(self) -> list[str]:
        """Compare each statement: nobody else may invoke, and from nowhere else."""
        wanted = self._wanted()
        found = {function: row for function in wanted if (row := self._found(function))}
        return list(compare.differences(wanted, found, "permissions"))

    def _wanted(self) -> Mapping[str, Row]:
        api_id = find_api(self.account.client("apigateway"), self.api_name) or ""
        stage, here = self.resources.stage, f"{self.account.region}:{self.account.account}"
        source = f"arn:aws:execute-api:{here}:{api_id}/{stage}/*"
        routes = {function: {"apigateway.amazonaws.com": source} for function in self.routed}
        schedules = {
            function: {"events.amazonaws.com": rule_arn(self.account, stage, function)}
            for function in self.resources.schedules
        }
        return {**routes, **schedules}

    def _found(self, function: str) -> Row:
        return {
            statement["Principal"]["Service"]: statement["Condition"]["ArnLike"]["AWS:SourceArn"]
            for statement in self._statements(function)
        }

    def _statements(self, function: str) -> list[Row]:
        try:
            text = self._lambda.get_policy(FunctionName=self._name(function), Qualifier=ALIAS)["Policy"]
        except ClientError as error:
            if missing(error):
                return []
            raise
        statements: list[Row] = json.loads(text)["Statement"]
        return statements

    def apply(self) -> None:
        """Take away what is not wanted, and add what is missing."""
        for function, wanted in self._wanted().items():
            place = {"FunctionName": self._name(function), "Qualifier": ALIAS}
            found = self._found(function)
            for statement in self._statements(function):
                service = statement["Principal"]["Service"]
                if wanted.get(service) != found[service]:
                    self._lambda.remove_permission(**place, StatementId=statement["Sid"])
            for service, source in wanted.items():
                if found.get(service) != source:
                    self._lambda.add_permission(
                        **place,
                        StatementId=service.partition(".")[0],
                        Action="lambda:InvokeFunction",
                        Principal=service,
                        SourceArn=source,
                    )

    def destroy(self) -> list[str]:
        """Nothing: the policies go with their functions."""
        return []

    def _name(self, function: str) -> str:
        return f"{APP}-{self.resources.stage}-{function}"

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")
