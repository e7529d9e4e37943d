"""Who may invoke the functions through `live`: API Gateway those behind the API, EventBridge the scheduled ones.

Statements are compared whole, wherever one of our functions has any: a statement for everybody, for another action, or
on the function without its alias is a second way in.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.api_found import find_api
from infra.deploy.functions_step import missing
from infra.deploy.release_step import ALIAS
from infra.deploy.sources_step import function_arn, rule_arn
from infra.event_sources import APP
from infra.functions import Row
from infra.resources import Resources


@dataclass(slots=True)
class PermissionsStep:
    """The resource policies of the functions; `routed` are those behind the API."""

    account: Account
    resources: Resources
    api_name: str
    routed: tuple[str, ...]
    name: str = field(default="permissions", init=False)

    def differences(self) -> list[str]:
        """Compare each statement: nobody else may invoke, and from nowhere else."""
        wanted = self._wanted()
        found = {place: row for place in self._places() if (row := self._found(place))}
        return list(compare.differences(wanted, found, "permissions"))

    def _wanted(self) -> dict[str, Mapping[str, Row]]:
        """The statements by their ids, by the functions' names with their aliases."""
        api_id = find_api(self.account.client("apigateway"), self.api_name) or ""
        stage, here = self.resources.stage, f"{self.account.region}:{self.account.account}"
        source = f"arn:aws:execute-api:{here}:{api_id}/{stage}/*"
        wanted: dict[str, dict[str, Row]] = {}
        for function in self.routed:
            wanted[f"{function}:{ALIAS}"] = dict([self._statement(function, "apigateway", source)])
        for function in self.resources.schedules:
            statement = self._statement(function, "events", rule_arn(self.account, stage, function))
            wanted.setdefault(f"{function}:{ALIAS}", {}).update([statement])
        return dict(wanted)

    def _statement(self, function: str, service: str, source: str) -> tuple[str, Row]:
        return service, {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": self._arn(f"{function}:{ALIAS}"),
            "Condition": {"ArnLike": {"AWS:SourceArn": source}},
        }

    def _places(self) -> Iterator[str]:
        """Every function of the stage, as itself and under each of its aliases."""
        followers = [stream.function for stream in self.resources.streams]
        for function in dict.fromkeys((*self.routed, *self.resources.schedules, *followers)):
            yield function
            yield from (f"{function}:{alias}" for alias in self._aliases(function))

    def _aliases(self, function: str) -> list[str]:
        try:
            answers = self._lambda.get_paginator("list_aliases").paginate(FunctionName=self._name(function))
            return [row["Name"] for answer in answers for row in answer["Aliases"]]
        except ClientError as error:
            if missing(error):
                return []
            raise

    def _found(self, place: str) -> dict[str, Row]:
        try:
            text = self._lambda.get_policy(**self._place(place))["Policy"]
        except ClientError as error:
            if missing(error):
                return {}
            raise
        # A stand-in may have one policy for a function and all its aliases: a statement says where it holds.
        here = [row for row in json.loads(text)["Statement"] if row["Resource"] == self._arn(place)]
        return {row["Sid"]: {key: one for key, one in row.items() if key != "Sid"} for row in here}

    def _place(self, place: str) -> dict[str, str]:
        function, _, alias = place.partition(":")
        return {"FunctionName": self._name(function)} | ({"Qualifier": alias} if alias else {})

    def apply(self) -> None:
        """Take away what is not wanted, and add what is missing."""
        wanted = self._wanted()
        for place in self._places():
            found, mine = self._found(place), wanted.get(place, {})
            for sid, row in found.items():
                if mine.get(sid) != row:
                    self._lambda.remove_permission(**self._place(place), StatementId=sid)
            for sid, row in mine.items():
                if found.get(sid) != row:
                    self._add(place, sid, row)

    def _add(self, place: str, sid: str, row: Row) -> None:
        self._lambda.add_permission(
            **self._place(place),
            StatementId=sid,
            Action=row["Action"],
            Principal=row["Principal"]["Service"],
            SourceArn=row["Condition"]["ArnLike"]["AWS:SourceArn"],
        )

    def destroy(self) -> list[str]:
        """Nothing: the policies go with their functions."""
        return []

    def _arn(self, place: str) -> str:
        function, colon, alias = place.partition(":")
        return f"{function_arn(self.account, self.resources.stage, function)}{colon}{alias}"

    def _name(self, function: str) -> str:
        return f"{APP}-{self.resources.stage}-{function}"

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")
