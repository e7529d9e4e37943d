"""What starts functions besides the gateway: the tables' streams and the clock, each through the alias `live`."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import missing
from infra.deploy.release_step import ALIAS
from infra.event_sources import APP, STREAM
from infra.functions import Row
from infra.resources import Resources, Stream

_TARGET: Final = "function"
_ATTEMPTS: Final = 2
_OLDEST_SECONDS: Final = 21_600
"""How often Lambda repeats a scheduled event that has failed, and for how long: the longest there is."""

_UNLIMITED: Final = {
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
"""What a projection cannot write waits; one batch of a shard after the other."""

_NOWHERE: Final = {"OnFailure": {"Destination": ""}}

_GONE_ATTEMPTS: Final = 60
_GONE_SECONDS: Final = 2.0


@dataclass(slots=True)
class StreamsStep:
    """The event source mappings of the tables' streams."""

    account: Account
    resources: Resources
    name: str = field(default="streams", init=False)

    def differences(self) -> list[str]:
        """Compare each mapping with its definition; nobody else reads the streams."""
        wanted = {_called(stream): self._wanted(stream) for stream in self.resources.streams}
        return list(compare.differences(wanted, {name: _found(row) for name, row in self._rows().items()}, "streams"))

    def _wanted(self, stream: Stream) -> Row:
        return {
            "enabled": True,
            "BatchSize": STREAM["batch_size"],
            "MaximumBatchingWindowInSeconds": STREAM["maximum_batching_window_seconds"],
            "StartingPosition": STREAM["starting_position"],
            "BisectBatchOnFunctionError": STREAM["bisect_batch_on_function_error"],
            **_UNLIMITED,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "dead letters": "",
            "filters": [stream.only] if stream.only else [],
        }

    def _rows(self) -> dict[str, Row]:
        """All mappings of the streams, by the names of those that are wanted, others by their functions."""
        named: dict[str, Row] = {}
        for table, arn in self._stream_arns().items():
            ours = {self._function(one): _called(one) for one in self.resources.streams if one.table == table}
            for row in self._mappings(arn):
                function = row["FunctionArn"]
                named[ours.get(function, f"{table} to {function.partition(':function:')[2]}")] = row
        return named | self._elsewhere(set(self._stream_arns().values()))

    def _elsewhere(self, arns: set[str]) -> dict[str, Row]:
        """Mappings by which our functions follow something else: a table that a restored one has replaced."""
        functions = dict.fromkeys(self._function(stream) for stream in self.resources.streams)
        lists = [
            self._lambda.get_paginator("list_event_source_mappings").paginate(FunctionName=one) for one in functions
        ]
        rows = [row for answers in lists for answer in answers for row in answer["EventSourceMappings"]]
        strange = [row for row in rows if row["EventSourceArn"] not in arns and row["State"] != "Deleting"]
        return {f"{row['EventSourceArn']} to {row['FunctionArn'].partition(':function:')[2]}": row for row in strange}

    def _mappings(self, arn: str) -> Iterator[Row]:
        answers = self._lambda.get_paginator("list_event_source_mappings").paginate(EventSourceArn=arn)
        for answer in answers:
            yield from (row for row in answer["EventSourceMappings"] if row["State"] != "Deleting")

    def _function(self, stream: Stream) -> str:
        return f"{function_arn(self.account, self.resources.stage, stream.function)}:{ALIAS}"

    def _stream_arns(self) -> dict[str, str]:
        """The streams of the tables that have one; a table that is not there has none."""
        tables = dict.fromkeys(stream.table for stream in self.resources.streams)
        return {table: arn for table in tables if (arn := self._stream_arn(self.resources.tables[table]))}

    def _stream_arn(self, table: str) -> str:
        try:
            found = self.account.client("dynamodb").describe_table(TableName=table)
        except ClientError as error:
            if missing(error):
                return ""
            raise
        return str(found["Table"].get("LatestStreamArn", ""))

    def apply(self) -> None:
        """Create or update each mapping, and delete what else reads the streams."""
        rows, arns = self._rows(), self._stream_arns()
        for stream in self.resources.streams:
            if stream.table not in arns:
                table = self.resources.tables[stream.table]
                raise DeployFault(f"the table {table} is not there, or has no stream: make it first (infra.tables)")
            row, wanted = rows.pop(_called(stream), None), self._wanted(stream)
            if row is not None and _found(row)["StartingPosition"] != wanted["StartingPosition"]:
                self._delete(row)  # where it starts can only be said when it is made
                row = None
            if row is None:
                self._create(stream, arns[stream.table])
            elif _found(row) != wanted:
                failing = {"DestinationConfig": _NOWHERE} if _found(row)["dead letters"] else {}
                self._lambda.update_event_source_mapping(UUID=row["UUID"], Enabled=True, **_given(wanted), **failing)
        for row in rows.values():
            self._delete(row)

    def _create(self, stream: Stream, arn: str) -> None:
        wanted = self._wanted(stream)
        given = {**_given(wanted), "StartingPosition": wanted["StartingPosition"]}
        self._lambda.create_event_source_mapping(
            FunctionName=self._function(stream), EventSourceArn=arn, Enabled=True, **given
        )

    def _delete(self, row: Row) -> None:
        """Delete a mapping, and wait until it is gone: there cannot be two between a stream and a function."""
        self._lambda.delete_event_source_mapping(UUID=row["UUID"])
        for _ in range(_GONE_ATTEMPTS):
            try:
                self._lambda.get_event_source_mapping(UUID=row["UUID"])
            except ClientError as error:
                if missing(error):
                    return
                raise
            time.sleep(_GONE_SECONDS)
        raise DeployFault(f"the event source mapping {row['UUID']} is still being deleted: run this again in a minute")

    def destroy(self) -> list[str]:
        """Delete the mappings; a stream whose table is gone has none."""
        gone = []
        for name, row in self._rows().items():
            self._lambda.delete_event_source_mapping(UUID=row["UUID"])
            gone.append(f"the event source {name}")
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
        names = [*self.resources.schedules, *self._lost()]
        found = {function: row for function in names if (row := self._found(function))}
        return list(compare.differences(wanted, found, "schedules"))

    def _lost(self) -> list[str]:
        """The functions of rules that the definitions do not have (any more): none that starts something else."""
        mine = self._rule("")
        answers = self._events.get_paginator("list_rules").paginate(NamePrefix=mine)
        names = [row["Name"].removeprefix(mine) for answer in answers for row in answer["Rules"]]
        return [name for name in names if name not in self.resources.schedules and self._is_ours(name)]

    def _is_ours(self, function: str) -> bool:
        ours = function_arn(self.account, self.resources.stage, "")
        return all(row["Arn"].startswith(ours) for row in self._targets(function))

    def _wanted(self, function: str) -> Row:
        return {
            "rate": self.resources.schedules[function],
            "pattern": "",
            "enabled": True,
            "targets": {_TARGET: {"Arn": self._function(function)}},
            **self._wanted_failing,
        }

    @property
    def _wanted_failing(self) -> Row:
        return {
            "attempts": _ATTEMPTS,
            "oldest_seconds": _OLDEST_SECONDS,
            "dead letters": self._dead_letters,
            "after success": "",
        }

    def _found(self, function: str) -> Row | None:
        try:
            rule = self._events.describe_rule(Name=self._rule(function))
        except ClientError as error:
            if missing(error):
                return None
            raise
        failing = self._failing(function)
        then = failing.get("DestinationConfig", {})
        return {
            "rate": rule.get("ScheduleExpression", ""),
            "pattern": rule.get("EventPattern", ""),
            "enabled": rule.get("State") == "ENABLED",
            "targets": {row.pop("Id"): row for row in self._targets(function)},
            "attempts": failing.get("MaximumRetryAttempts"),
            "oldest_seconds": failing.get("MaximumEventAgeInSeconds", _OLDEST_SECONDS),
            "dead letters": then.get("OnFailure", {}).get("Destination", ""),
            "after success": then.get("OnSuccess", {}).get("Destination", ""),
        }

    def _targets(self, function: str) -> list[Row]:
        answers = self._events.get_paginator("list_targets_by_rule").paginate(Rule=self._rule(function))
        return [row for answer in answers for row in answer["Targets"]]

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
        """Put rule, target and destination; delete targets and rules that nobody has defined."""
        for function in self.resources.schedules:
            if self._found(function) != self._wanted(function):
                self._put(function)
        for function in self._lost():
            self._delete(function)

    def _put(self, function: str) -> None:
        self.account.client("lambda").put_function_event_invoke_config(
            FunctionName=self._name(function),
            Qualifier=ALIAS,
            MaximumRetryAttempts=_ATTEMPTS,
            MaximumEventAgeInSeconds=_OLDEST_SECONDS,
            DestinationConfig={"OnFailure": {"Destination": self._dead_letters}},
        )
        rate = self.resources.schedules[function]
        self._events.put_rule(Name=self._rule(function), ScheduleExpression=rate, State="ENABLED")
        target = {"Id": _TARGET, "Arn": self._function(function)}
        others = [row["Id"] for row in self._targets(function) if row["Id"] != _TARGET]
        if others:
            self._events.remove_targets(Rule=self._rule(function), Ids=others)
        answer = self._events.put_targets(Rule=self._rule(function), Targets=[target])
        if answer["FailedEntryCount"]:
            said = answer["FailedEntries"][0].get("ErrorMessage", "")
            raise DeployFault(
                f"the schedule {self._rule(function)} has no target: {said}: mend that and run this again"
            )

    def destroy(self) -> list[str]:
        """Delete the rules."""
        there = [one for one in self.resources.schedules if self._found(one) is not None]
        return [self._delete(function) for function in (*there, *self._lost())]

    def _delete(self, function: str) -> str:
        targets = [row["Id"] for row in self._targets(function)]
        if targets:
            self._events.remove_targets(Rule=self._rule(function), Ids=targets)
        self._events.delete_rule(Name=self._rule(function))
        return f"the schedule {self._rule(function)}"

    def _name(self, function: str) -> str:
        return f"{APP}-{self.resources.stage}-{function}"

    def _rule(self, function: str) -> str:
        return self._name(function)

    def _function(self, function: str) -> str:
        return f"{function_arn(self.account, self.resources.stage, function)}:{ALIAS}"

    @property
    def _dead_letters(self) -> str:
        return f"arn:aws:sqs:{self.account.region}:{self.account.account}:{self.resources.dead_letters}"

    @property
    def _events(self) -> Any:
        return self.account.client("events")


def rule_arn(account: Account, stage: str, function: str) -> str:
    """The ARN of the rule that starts a function."""
    return f"arn:aws:events:{account.region}:{account.account}:rule/{APP}-{stage}-{function}"


def function_arn(account: Account, stage: str, function: str) -> str:
    """The ARN of a function of the stage."""
    return f"arn:aws:lambda:{account.region}:{account.account}:function:{APP}-{stage}-{function}"


def _called(stream: Stream) -> str:
    return f"{stream.table} to {stream.function}"


def _found(row: Row) -> Row:
    filters: list[Mapping[str, str]] = (row.get("FilterCriteria") or {}).get("Filters", [])
    names = ("BatchSize", "MaximumBatchingWindowInSeconds", "StartingPosition", "BisectBatchOnFunctionError")
    then = row.get("DestinationConfig") or {}
    return {
        "enabled": row["State"] in ("Enabled", "Enabling", "Creating", "Updating"),
        **{name: row.get(name) for name in names},
        **{name: row.get(name, value) for name, value in _UNLIMITED.items()},
        "FunctionResponseTypes": row.get("FunctionResponseTypes", []),
        "dead letters": (then.get("OnFailure") or {}).get("Destination", ""),
        "filters": [json.loads(one["Pattern"]) for one in filters],
    }


def _given(wanted: Row) -> Row:
    """A mapping as it is given to an update."""
    names = ("BatchSize", "MaximumBatchingWindowInSeconds", "BisectBatchOnFunctionError", "FunctionResponseTypes")
    return {
        **{name: wanted[name] for name in (*names, *_UNLIMITED)},
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(one)} for one in wanted["filters"]]},
    }
