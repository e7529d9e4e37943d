"""Event source mappings: queues and streams that start functions, followed from the moment they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from emulator.control.functions.deployed import paged
from emulator.control.functions.roster import Roster, Row, bad, conflict, missing, revision
from emulator.control.operation import Members, Operation
from emulator.lambdas.event_sources import BadEventSource, Source, event_source
from emulator.lambdas.followers import Followers

KIND: Final = "event_source_mappings"
_STREAM: Final[Row] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
}
_QUEUE: Final[Row] = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
"""What Lambda adds to a mapping that does not say it. Source: API CreateEventSourceMapping."""

_CHANGEABLE: Final = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "FunctionResponseTypes",
    "FilterCriteria",
    "DestinationConfig",
    "ScalingConfig",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
)


@dataclass(slots=True)
class Mappings:
    """The operations on event source mappings."""

    roster: Roster
    followers: Followers
    rows: dict[str, Row] = field(default_factory=dict)

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateEventSourceMapping": self._create,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "UpdateEventSourceMapping": self._update,
            "DeleteEventSourceMapping": self._delete,
        }

    async def restore(self) -> None:
        """Follow again what was followed before."""
        self.rows = self.roster.kept.read(KIND)
        for row in self.rows.values():
            await self._follow(row)

    async def _create(self, asked: Members) -> Members:
        arn = asked.get("EventSourceArn", "")
        kind = arn.split(":")[2] if arn.count(":") >= 5 else ""
        if kind not in ("sqs", "dynamodb"):
            raise bad(f"Unrecognized event source {arn}: queues and streams of DynamoDB are served here")
        function = self._function(asked)
        if any((row["EventSourceArn"], row["FunctionArn"]) == (arn, function) for row in self.rows.values()):
            raise conflict(f"An event source mapping with {arn} and {function} already exists.")
        defaults = _QUEUE if kind == "sqs" else {**_STREAM, "StartingPosition": asked.get("StartingPosition", "")}
        name = revision()
        uuid = "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))
        row = {**defaults, **_chosen(asked), "UUID": uuid, "EventSourceArn": arn, "FunctionArn": function}
        return await self._put(row, enabled=asked.get("Enabled", True))

    def _function(self, asked: Members) -> str:
        name, qualifier = self.roster.named(asked)
        self.roster.settings(self.roster.record(name), qualifier)
        return self.roster.arn(name, qualifier)

    async def _put(self, row: Row, *, enabled: bool) -> Row:
        row |= {"State": "Enabled" if enabled else "Disabled", "LastModified": self.roster.clock.wall() // 1_000}
        row["StateTransitionReason"] = "USER_INITIATED"
        _source(row)
        self._keep({**self.rows, row["UUID"]: row})
        await self._follow(row)
        return row

    def _keep(self, rows: dict[str, Row]) -> None:
        self.roster.kept.write(KIND, rows)
        self.rows = rows

    async def _follow(self, row: Row) -> None:
        await self.followers.drop(row["UUID"])
        if row["State"] == "Enabled":
            self.followers.add(row["UUID"], _source(row))

    async def _get(self, asked: Members) -> Members:
        return self._row(asked)

    async def _list(self, asked: Members) -> Members:
        rows = list(self.rows.values())
        if "EventSourceArn" in asked:
            rows = [row for row in rows if row["EventSourceArn"] == asked["EventSourceArn"]]
        if "FunctionName" in asked:
            arn = self.roster.arn(*self.roster.named(asked))
            rows = [row for row in rows if row["FunctionArn"] == arn]
        return paged("EventSourceMappings", rows, asked)

    async def _update(self, asked: Members) -> Members:
        row = self._row(asked)
        function = {"FunctionArn": self._function(asked)} if "FunctionName" in asked else {}
        changed = {**row, **_chosen(asked), **function}
        return await self._put(changed, enabled=asked.get("Enabled", row["State"] == "Enabled"))

    async def _delete(self, asked: Members) -> Members:
        row = self._row(asked)
        self._keep({uuid: one for uuid, one in self.rows.items() if uuid != row["UUID"]})
        await self.followers.drop(row["UUID"])
        return {**row, "State": "Deleting"}

    def _row(self, asked: Members) -> Row:
        row = self.rows.get(asked["UUID"])
        if row is None:
            raise missing("The resource you requested does not exist.")
        return row


def _chosen(asked: Members) -> Row:
    return {name: asked[name] for name in _CHANGEABLE if name in asked}


def _source(row: Row) -> Source:
    """The mapping as it is followed; InvalidParameterValueException for what is not served."""
    if row.get("ParallelizationFactor", 1) != 1 or row.get("TumblingWindowInSeconds", 0):
        raise bad("ParallelizationFactor above 1 and tumbling windows are not served here")
    patterns = [json.loads(one["Pattern"]) for one in row.get("FilterCriteria", {}).get("Filters", [])]
    shared = {
        "function": row["FunctionArn"].split(":function:")[1],
        "batch_size": row["BatchSize"],
        "maximum_batching_window_seconds": row["MaximumBatchingWindowInSeconds"],
        "report_batch_item_failures": "ReportBatchItemFailures" in row.get("FunctionResponseTypes", []),
        "filter_patterns": patterns,
    }
    own = _queue(row) if ":sqs:" in row["EventSourceArn"] else _stream(row)
    with suppress(StopIteration):
        try:
            return event_source({**shared, **own})
        except (BadEventSource, TypeError, ValueError) as error:
            raise bad(str(error)) from error
    raise bad("The mapping cannot be followed")


def _queue(row: Row) -> Row:
    concurrency = row.get("ScalingConfig", {}).get("MaximumConcurrency")
    return {"type": "sqs", "queue": row["EventSourceArn"].rpartition(":")[2], "maximum_concurrency": concurrency}


def _stream(row: Row) -> Row:
    if row["StartingPosition"] not in ("TRIM_HORIZON", "LATEST"):
        raise bad("StartingPosition is TRIM_HORIZON or LATEST")
    return {
        "type": "dynamodb-stream",
        "table": row["EventSourceArn"].split("/")[1],
        "starting_position": row["StartingPosition"],
        "bisect_batch_on_function_error": row["BisectBatchOnFunctionError"],
        "maximum_retry_attempts": row["MaximumRetryAttempts"],
        "maximum_record_age_seconds": row["MaximumRecordAgeInSeconds"],
        "on_failure": row.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
    }
