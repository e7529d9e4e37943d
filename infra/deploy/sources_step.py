"""What starts functions besides the gateway: the tables' streams and the clock, each through the alias `live`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.functions_step import missing
from infra.deploy.release_step import ALIAS
from infra.event_sources import APP, STREAM
from infra.functions import Row
from infra.resources import Resources, Stream

_TARGET: Final = "function"
_ATTEMPTS: Final = 2
"""How often Lambda repeats a scheduled event that has failed."""


@dataclass(slots=True)
class StreamsStep:
    """The event source mappings of the tables' streams."""

    account: Account
    resources: Resources
    name: str = field(default="streams", init=False)

    def differences(self) -> list[str]:
        """Compare each mapping with its definition."""
        wanted = {_called(stream): self._wanted(stream) for stream in self.resources.streams}
        found = {_called(stream): _found(row) for stream in self.resources.streams if (row := self._row(stream))}
        return list(compare.differences(wanted, found, "streams"))

    def _wanted(self, stream: Stream) -> Row:
        return {
            "enabled": True,
            "BatchSize": STREAM["batch_size"],
            "MaximumBatchingWindowInSeconds": STREAM["maximum_batching_window_seconds"],
            "StartingPosition": STREAM["starting_position"],
            "BisectBatchOnFunctionError": STREAM["bisect_batch_on_function_error"],
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "filters": [stream.only] if stream.only else [],
        }

    def _row(self, stream: Stream) -> Row | None:
        source = self._stream_arn(stream)
        if not source:
            return None
        rows = self._lambda.list_event_source_mappings(FunctionName=self._function(stream), EventSourceArn=source)
        found = [row for row in rows["EventSourceMappings"] if row["State"] != "Deleting"]
        return found[0] if found else None

    def _function(self, stream: Stream) -> str:
        return f"{_function_arn(self.account, self.resources.stage, stream.function)}:{ALIAS}"

    def _stream_arn(self, stream: Stream) -> str:
        """The ARN of a table's stream; empty while there is no table, which a plan may well find."""
        try:
            table = self.account.client("dynamodb").describe_table(TableName=self.resources.tables[stream.table])
        except ClientError as error:
            if missing(error):
                return ""
            raise
        return str(table["Table"].get("LatestStreamArn", ""))

    def apply(self) -> None:
        """Create or update each mapping."""
        for stream in self.resources.streams:
            row, wanted = self._row(stream), self._wanted(stream)
            given = {name: value for name, value in wanted.items() if name[0].isupper()}
            given["FilterCriteria"] = {"Filters": [{"Pattern": json.dumps(one)} for one in wanted["filters"]]}
            if row is None:
                self._lambda.create_event_source_mapping(
                    FunctionName=self._function(stream), EventSourceArn=self._stream_arn(stream), Enabled=True, **given
                )
            elif _found(row) != wanted:
                del given["StartingPosition"]  # cannot be changed, and has been passed long ago
                self._lambda.update_event_source_mapping(UUID=row["UUID"], Enabled=True, **given)

    def destroy(self) -> list[str]:
        """Delete the mappings; a stream whose table is gone has none."""
        gone = []
        for stream in self.resources.streams:
            row = self._row(stream)
            if row is not None:
                self._lambda.delete_event_source_mapping(UUID=row["UUID"])
                gone.append(f"the event source {_called(stream)}")
        return gone

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")


@dataclass(slots=True)
class SchedulesStep:
    """A rule of EventBridge per schedule, and what becomes of an event that fails for good."""

    account: Account
    resources: Resources
    name: str = field(default="schedules", init=False)

    def differences(self) -> list[str]:
        """Compare rules, targets and destinations with the definitions."""
        wanted = {function: self._wanted(function) for function in self.resources.schedules}
        found = {function: row for function in self.resources.schedules if (row := self._found(function))}
        return list(compare.differences(wanted, found, "schedules"))

    def _wanted(self, function: str) -> Row:
        return {
            "rate": self.resources.schedules[function],
            "enabled": True,
            "target": self._function(function),
            "attempts": _ATTEMPTS,
            "dead letters": self._dead_letters,
        }

    def _found(self, function: str) -> Row | None:
        try:
            rule = self._events.describe_rule(Name=self._rule(function))
        except ClientError as error:
            if missing(error):
                return None
            raise
        targets = self._events.list_targets_by_rule(Rule=self._rule(function))["Targets"]
        failing = self._failing(function)
        return {
            "rate": rule.get("ScheduleExpression", ""),
            "enabled": rule.get("State") == "ENABLED",
            "target": ", ".join(target["Arn"] for target in targets),
            "attempts": failing.get("MaximumRetryAttempts"),
            "dead letters": failing.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        }

    def _failing(self, function: str) -> Row:
        try:
            found: Row = self.account.client("lambda").get_function_event_invoke_config(
                FunctionName=self._name(function), Qualifier=ALIAS
            )
        except ClientError as error:
            if missing(error):
                return {}
            raise
        return found

    def apply(self) -> None:
        """Put rule, target and destination."""
        for function, rate in self.resources.schedules.items():
            self.account.client("lambda").put_function_event_invoke_config(
                FunctionName=self._name(function),
                Qualifier=ALIAS,
                MaximumRetryAttempts=_ATTEMPTS,
                DestinationConfig={"OnFailure": {"Destination": self._dead_letters}},
            )
            self._events.put_rule(Name=self._rule(function), ScheduleExpression=rate, State="ENABLED")
            target = {"Id": _TARGET, "Arn": self._function(function)}
            answer = self._events.put_targets(Rule=self._rule(function), Targets=[target])
            assert not answer["FailedEntryCount"], answer

    def destroy(self) -> list[str]:
        """Delete the rules."""
        gone = []
        for function in self.resources.schedules:
            if self._found(function) is not None:
                self._events.remove_targets(Rule=self._rule(function), Ids=[_TARGET])
                self._events.delete_rule(Name=self._rule(function))
                gone.append(f"the schedule {self._rule(function)}")
        return gone

    def _name(self, function: str) -> str:
        return f"{APP}-{self.resources.stage}-{function}"

    def _rule(self, function: str) -> str:
        return self._name(function)

    def _function(self, function: str) -> str:
        return f"{_function_arn(self.account, self.resources.stage, function)}:{ALIAS}"

    @property
    def _dead_letters(self) -> str:
        return f"arn:aws:sqs:{self.account.region}:{self.account.account}:{self.resources.dead_letters}"

    @property
    def _events(self) -> Any:
        return self.account.client("events")


def rule_arn(account: Account, stage: str, function: str) -> str:
    """The ARN of the rule that starts a function."""
    return f"arn:aws:events:{account.region}:{account.account}:rule/{APP}-{stage}-{function}"


def _function_arn(account: Account, stage: str, function: str) -> str:
    return f"arn:aws:lambda:{account.region}:{account.account}:function:{APP}-{stage}-{function}"


def _called(stream: Stream) -> str:
    return f"{stream.table} to {stream.function}"


def _found(row: Row) -> Row:
    filters: list[Mapping[str, str]] = row.get("FilterCriteria", {}).get("Filters", [])
    names = ("BatchSize", "MaximumBatchingWindowInSeconds", "StartingPosition", "BisectBatchOnFunctionError")
    return {
        "enabled": row["State"] in ("Enabled", "Enabling", "Creating", "Updating"),
        **{name: row.get(name) for name in names},
        "FunctionResponseTypes": row.get("FunctionResponseTypes", []),
        "filters": [json.loads(one["Pattern"]) for one in filters],
    }
