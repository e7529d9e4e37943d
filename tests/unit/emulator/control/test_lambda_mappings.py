"""Event source mappings: what is followed, as what, and what is refused because it would not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas.checkpoints import Checkpoints
from emulator.lambdas.event_sources import QueueSource, StreamSource
from tests.doubles.control_planes import refused
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN, QUEUE, Lambdas

BAD = "InvalidParameterValueException"
STREAM = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/ledger.v1/stream/2026-11-23T10:00:00.000"


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    made = Lambdas(tmp_path)
    made.function(Publish=True)
    made.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return made


def mapped(lambdas: Lambdas, arn: str = QUEUE, **more: Any) -> dict[str, Any]:
    start = {"StartingPosition": "TRIM_HORIZON"} if "dynamodb" in arn else {}
    asked = {"FunctionName": "f", "EventSourceArn": arn, **start, **more}
    return lambdas.do("CreateEventSourceMapping", **asked)


def test_a_queues_mapping_has_what_lambda_adds(lambdas: Lambdas) -> None:
    made = mapped(lambdas, FunctionName="f:live")
    assert made == {
        "UUID": made["UUID"],
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{made['UUID']}",
        "EventSourceArn": QUEUE,
        "FunctionArn": f"{ARN}f:live",
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "LastModified": lambdas.time.wall_at // 1_000,
    }
    assert [len(part) for part in made["UUID"].split("-")] == [8, 4, 4, 4, 12]
    assert lambdas.do("GetEventSourceMapping", UUID=made["UUID"]) == made
    assert lambdas.followers.followed == {made["UUID"]: QueueSource("f:live", "letters", filter_patterns=[])}


def test_a_queue_with_all_its_settings(lambdas: Lambdas) -> None:
    uuid = mapped(
        lambdas,
        BatchSize=20,
        MaximumBatchingWindowInSeconds=1,
        ScalingConfig={"MaximumConcurrency": 3},
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["a", {"exists": false}]}}'}]},
    )["UUID"]
    assert lambdas.followers.followed[uuid] == QueueSource(
        "f", "letters", 20, 1, True, 3, [{"body": {"kind": ["a", {"exists": False}]}}]
    )


def test_a_streams_mapping(lambdas: Lambdas) -> None:
    made = mapped(
        lambdas,
        STREAM,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=3,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    assert (made["BatchSize"], made["ParallelizationFactor"], made["StartingPosition"]) == (100, 1, "TRIM_HORIZON")
    assert lambdas.followers.followed[made["UUID"]] == StreamSource(
        "f",
        "ledger.v1",
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=3,
        maximum_record_age_seconds=60,
        on_failure=QUEUE,
        filter_patterns=[],
        mapping=made["UUID"],
    )


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("Unrecognized", {"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}),
    ("Unrecognized", {"EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"}),
    ("Unrecognized", {"EventSourceArn": "letters"}),
    ("Unrecognized", {"EventSourceArn": ""}),
    ("StartingPosition", {"StartingPosition": "LATEST"}),
    ("BisectBatchOnFunctionError", {"BisectBatchOnFunctionError": True}),
    ("DestinationConfig", {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}),
    ("KMSKeyArn", {"KMSKeyArn": "arn"}),
    ("MetricsConfig", {"MetricsConfig": {"Metrics": ["EventCount"]}}),
    ("ProvisionedPollerConfig", {"ProvisionedPollerConfig": {"MinimumPollers": 2}}),
    ("Tags", {"Tags": {"a": "b"}}),
    ("batch_size", {"BatchSize": 10_001}),
    ("batching window", {"BatchSize": 11}),
    ("FIFO", {"EventSourceArn": f"{QUEUE}.fifo", "MaximumBatchingWindowInSeconds": 1}),
    ("maximum_concurrency", {"ScalingConfig": {"MaximumConcurrency": 1_001}}),
    ("no JSON object", {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}),
    ("no JSON object", {"FilterCriteria": {"Filters": [{"Pattern": "[1]"}]}}),
    ("no JSON object", {"FilterCriteria": {"Filters": [{}]}}),
    ("not understood", {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": "b"}}'}]}}),
    ("not understood", {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": 1}}'}]}}),
    ("not understood", {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [{"prefix": "b"}]}}'}]}}),
    ("not understood", {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [{"exists": "no"}]}}'}]}}),
    ("not understood", {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [["b"]]}}'}]}}),
]
REFUSED_OF_STREAMS: list[tuple[str, dict[str, Any]]] = [
    ("StartingPosition", {"StartingPosition": "AT_TIMESTAMP"}),
    ("StartingPositionTimestamp", {"StartingPositionTimestamp": 1}),
    ("ScalingConfig", {"ScalingConfig": {"MaximumConcurrency": 2}}),
    ("ParallelizationFactor", {"ParallelizationFactor": 2}),
    ("tumbling", {"TumblingWindowInSeconds": 1}),
    ("MaximumRetryAttempts", {"MaximumRetryAttempts": 10_001}),
    ("MaximumRecordAgeInSeconds", {"MaximumRecordAgeInSeconds": 604_801}),
    ("on_failure", {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}f"}}}),
    ("on success", {"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}}),
]


@pytest.mark.parametrize(
    ("words", "more"), [*REFUSED, *((words, {"EventSourceArn": STREAM, **more}) for words, more in REFUSED_OF_STREAMS)]
)
def test_what_would_not_be_followed_as_it_says_is_refused(lambdas: Lambdas, words: str, more: dict[str, Any]) -> None:
    with refused(BAD, words):
        mapped(lambdas, more.get("EventSourceArn", QUEUE), **more)
    assert lambdas.do("ListEventSourceMappings") == {"EventSourceMappings": []}
    assert lambdas.followers.followed == {}


def test_there_is_no_such_function_or_mapping(lambdas: Lambdas) -> None:
    for name in ("g", "f:9"):
        with refused("ResourceNotFoundException", "Function not found", 404):
            mapped(lambdas, FunctionName=name)
    for operation in ("GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"):
        with refused("ResourceNotFoundException", status=404):
            lambdas.do(operation, UUID="none")


def test_two_mappings_do_not_lead_the_same_way(lambdas: Lambdas) -> None:
    uuid = mapped(lambdas)["UUID"]
    with refused("ResourceConflictException", uuid, 409):
        mapped(lambdas)
    other = mapped(lambdas, FunctionName="f:live")["UUID"]
    with refused("ResourceConflictException", uuid, 409):
        lambdas.do("UpdateEventSourceMapping", UUID=other, FunctionName="f")
    assert lambdas.do("GetEventSourceMapping", UUID=other)["FunctionArn"] == f"{ARN}f:live"


def test_a_mapping_is_switched_off_and_on(lambdas: Lambdas) -> None:
    uuid = mapped(lambdas, Enabled=False)["UUID"]
    assert lambdas.followers.followed == {}
    assert lambdas.do("UpdateEventSourceMapping", UUID=uuid, BatchSize=5)["State"] == "Disabled"
    assert lambdas.followers.followed == {}
    assert lambdas.do("UpdateEventSourceMapping", UUID=uuid, Enabled=True)["State"] == "Enabled"
    assert lambdas.followers.followed == {uuid: QueueSource("f", "letters", 5, filter_patterns=[])}
    with refused(BAD, "batching window"):
        lambdas.do("UpdateEventSourceMapping", UUID=uuid, BatchSize=100)
    assert lambdas.followers.followed == {uuid: QueueSource("f", "letters", 5, filter_patterns=[])}
    lambdas.do("UpdateEventSourceMapping", UUID=uuid, Enabled=False)
    assert lambdas.followers.followed == {}


def test_a_deleted_mapping_is_followed_no_more_and_leaves_no_place(lambdas: Lambdas) -> None:
    uuid, other = mapped(lambdas, STREAM)["UUID"], mapped(lambdas)["UUID"]
    checkpoints = Checkpoints(lambdas.folder / "streams.json")
    for name in (uuid, other):
        checkpoints.put(f"{name}|{STREAM}|shard", "7")
    lambdas = Lambdas(lambdas.folder)
    assert lambdas.do("DeleteEventSourceMapping", UUID=uuid)["State"] == "Deleting"
    assert list(lambdas.followers.followed) == [other]
    left = Checkpoints(lambdas.folder / "streams.json")
    assert (left.get(f"{uuid}|{STREAM}|shard"), left.get(f"{other}|{STREAM}|shard")) == (None, "7")


def test_lists_by_source_and_by_function(lambdas: Lambdas) -> None:
    first, second, third = mapped(lambdas), mapped(lambdas, STREAM), mapped(lambdas, FunctionName="f:live")

    def listed(**asked: Any) -> list[str]:
        return [row["UUID"] for row in lambdas.do("ListEventSourceMappings", **asked)["EventSourceMappings"]]

    assert listed() == [first["UUID"], second["UUID"], third["UUID"]]
    assert listed(EventSourceArn=QUEUE) == [first["UUID"], third["UUID"]]
    assert listed(FunctionName="f") == [first["UUID"], second["UUID"]]
    assert listed(FunctionName=f"{ARN}f:live", EventSourceArn=STREAM) == []
    page = lambdas.do("ListEventSourceMappings", MaxItems=2)
    assert listed(Marker=page["NextMarker"]) == [third["UUID"]]


def test_after_a_restart_the_same_is_followed(lambdas: Lambdas) -> None:
    mapped(lambdas)
    mapped(lambdas, STREAM, Enabled=False)
    mapped(lambdas, STREAM, FunctionName="f:live")
    again = Lambdas(lambdas.folder)
    assert again.followers.followed == lambdas.followers.followed
    assert again.do("ListEventSourceMappings") == lambdas.do("ListEventSourceMappings")


def test_a_mapping_outlives_its_function(lambdas: Lambdas) -> None:
    uuid = mapped(lambdas)["UUID"]
    lambdas.do("DeleteFunction", FunctionName="f")
    assert lambdas.do("GetEventSourceMapping", UUID=uuid)["State"] == "Enabled"
