"""Event source mappings: queues and streams that start functions, followed from the moment they are made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.control.functions.roster import Roster, Row, bad, conflict, missing, only, paged, revision
from emulator.control.operation import Members, Operation
from emulator.lambdas.event_sources import BadEventSource, Source, event_source
from emulator.lambdas.followers import Followers

KIND: Final = "event_source_mappings"
_QUEUE_ARN: Final = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:([A-Za-z0-9_-]+(?:\.fifo)?)")
_STREAM_ARN: Final = re.compile(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/([A-Za-z0-9_.-]+)/stream/.+")
_OF_QUEUES: Final[Row] = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
_OF_STREAMS: Final[Row] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
}
"""What Lambda adds to a mapping that does not say it. Source: API CreateEventSourceMapping."""

_OF_BOTH: Final = ("FunctionResponseTypes", "FilterCriteria")
_NAMED: Final = ("FunctionName", "EventSourceArn", "Enabled", "UUID")
_STARTS: Final = ("TRIM_HORIZON", "LATEST")
_FOR_EVER: Final = -1
_LONGEST: Final[Row] = {"MaximumRecordAgeInSeconds": 604_800, "MaximumRetryAttempts": 10_000}


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
        arn, function = asked.get("EventSourceArn", ""), self._function(asked)
        if not (_QUEUE_ARN.fullmatch(arn) or _STREAM_ARN.fullmatch(arn)):
            raise bad(f"Unrecognized event source {arn}: queues and streams of DynamoDB are served here")
        defaults = _OF_QUEUES if ":sqs:" in arn else {**_OF_STREAMS, "StartingPosition": ""}
        uuid = revision()
        named = {"UUID": uuid, "EventSourceMappingArn": self._arn(uuid), "EventSourceArn": arn}
        row = {**defaults, **_chosen(asked, arn, "StartingPosition"), **named, "FunctionArn": function}
        return await self._put(row, enabled=asked.get("Enabled", True))

    def _arn(self, uuid: str) -> str:
        region, account = self.roster.machine.place
        return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"

    def _function(self, asked: Members) -> str:
        name, qualifier = self.roster.named(asked)
        self.roster.settings(self.roster.record(name), qualifier)
        return self.roster.arn(name, qualifier)

    async def _put(self, row: Row, *, enabled: bool) -> Row:
        row |= {"State": "Enabled" if enabled else "Disabled", "LastModified": self.roster.clock.wall() // 1_000}
        row["StateTransitionReason"] = "USER_INITIATED"
        _source(row)
        for one in self.rows.values():
            if one["UUID"] != row["UUID"] and _leads(one) == _leads(row):
                text = f"An event source mapping with {row['EventSourceArn']} and {row['FunctionArn']} already exists."
                raise conflict(f"{text} Please update or delete the existing mapping with UUID {one['UUID']}")
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
        changed = {**row, **_chosen(asked, row["EventSourceArn"]), **function}
        return await self._put(changed, enabled=asked.get("Enabled", row["State"] == "Enabled"))

    async def _delete(self, asked: Members) -> Members:
        row = self._row(asked)
        self._keep({uuid: one for uuid, one in self.rows.items() if uuid != row["UUID"]})
        await self.followers.drop(row["UUID"])
        self.followers.forget(row["UUID"])
        return {**row, "State": "Deleting"}

    def _row(self, asked: Members) -> Row:
        row = self.rows.get(asked["UUID"])
        if row is None:
            raise missing("The resource you requested does not exist.")
        return row


def _leads(row: Row) -> tuple[str, str]:
    return row["EventSourceArn"], row["FunctionArn"]


def _chosen(asked: Members, arn: str, *more: str) -> Row:
    """The settings of a request; those that such a source does not have, or that nobody here heeds, are refused."""
    own = ("ScalingConfig", *_OF_QUEUES) if ":sqs:" in arn else ("DestinationConfig", *_OF_STREAMS, *more)
    only(asked, *_NAMED, *_OF_BOTH, *own)
    return {name: asked[name] for name in (*_OF_BOTH, *own) if name in asked}


def _source(row: Row) -> Source:
    """The mapping as it is followed; InvalidParameterValueException for what is not served."""
    queue = _QUEUE_ARN.fullmatch(row["EventSourceArn"])
    own = _queue(row, queue[1]) if queue else _stream(row)
    shared = {
        "function": row["FunctionArn"].split(":function:", 1)[1],
        "batch_size": row["BatchSize"],
        "maximum_batching_window_seconds": row["MaximumBatchingWindowInSeconds"],
        "report_batch_item_failures": "ReportBatchItemFailures" in row.get("FunctionResponseTypes", []),
        "filter_patterns": [_pattern(one) for one in row.get("FilterCriteria", {}).get("Filters", [])],
    }
    try:
        return event_source({**shared, **own})
    except BadEventSource as error:
        raise bad(str(error)) from error


def _pattern(row: Row) -> Any:
    try:
        pattern = json.loads(row.get("Pattern", ""))
    except ValueError:
        pattern = None
    if not isinstance(pattern, dict):
        raise bad(f"Invalid filter pattern definition: {row.get('Pattern')!r} is no JSON object")
    return pattern


def _queue(row: Row, name: str) -> Row:
    return {"type": "sqs", "queue": name, "maximum_concurrency": row.get("ScalingConfig", {}).get("MaximumConcurrency")}


def _stream(row: Row) -> Row:
    table = _STREAM_ARN.fullmatch(row["EventSourceArn"])
    assert table is not None  # one of the two is what _create took
    _check_stream(row)
    return {
        "type": "dynamodb-stream",
        "table": table[1],
        "mapping": row["UUID"],
        "starting_position": row["StartingPosition"],
        "bisect_batch_on_function_error": row["BisectBatchOnFunctionError"],
        "maximum_retry_attempts": row["MaximumRetryAttempts"],
        "maximum_record_age_seconds": row["MaximumRecordAgeInSeconds"],
        "on_failure": row.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
    }


def _check_stream(row: Row) -> None:
    if row["ParallelizationFactor"] != 1 or row["TumblingWindowInSeconds"]:
        raise bad("ParallelizationFactor above 1 and tumbling windows are not served here")
    if row["StartingPosition"] not in _STARTS:
        raise bad(f"StartingPosition is {' or '.join(_STARTS)}")
    for name, longest in _LONGEST.items():
        if not (row[name] == _FOR_EVER or 0 <= row[name] <= longest):
            raise bad(f"{name} is from 0 to {longest}, or -1 for ever")
    if row.get("DestinationConfig", {}).get("OnSuccess", {}).get("Destination"):
        raise bad("A mapping has no destination on success")
