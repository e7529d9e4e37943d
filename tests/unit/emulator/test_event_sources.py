"""The file that says what starts functions: read strictly, refused with the row's name.

Source: Lambda API: CreateEventSourceMapping.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas.event_sources import (
    BadEventSource,
    QueueSource,
    ScheduleSource,
    StreamSource,
    rate_seconds,
    read_event_sources,
)


def _read(tmp_path: Path, *rows: dict[str, Any]) -> list[Any]:
    file = tmp_path / "sources.json"
    file.write_text(json.dumps({"event_sources": rows}))
    return list(read_event_sources(file))


def test_a_stream_and_a_schedule(tmp_path: Path) -> None:
    stream = {"function": "f", "type": "dynamodb-stream", "table": "t", "batch_size": 7}
    assert _read(tmp_path, stream, {"function": "g", "type": "schedule", "rate": "rate(5 minutes)"}) == [
        StreamSource("f", "t", batch_size=7),
        ScheduleSource("g", 300),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"batch_size": 10_000, "maximum_batching_window_seconds": 1},
        {"queue": "q.fifo", "batch_size": 10},
        {"maximum_concurrency": 2},
        {"maximum_concurrency": 1_000},
    ],
    ids=str,
)
def test_a_queue(tmp_path: Path, row: dict[str, Any]) -> None:
    """Source: API CreateEventSourceMapping: BatchSize, MaximumBatchingWindowInSeconds, ScalingConfig."""
    settings = {"queue": "q"} | row
    assert _read(tmp_path, {"function": "f", "type": "sqs", **settings}) == [QueueSource("f", **settings)]


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [("rate(1 minute)", 60), ("rate(2 hours)", 7_200), ("rate(1 day)", 86_400), ("rate(3 seconds)", 3)],
)
def test_rates(rate: str, seconds: int) -> None:
    assert rate_seconds(rate) == seconds


@pytest.mark.parametrize("rate", ["", "rate(0 minutes)", "rate(1 week)", "cron(* * * * ? *)", "rate(-1 minute)"])
def test_what_is_no_rate(rate: str) -> None:
    with pytest.raises(BadEventSource):
        rate_seconds(rate)


@pytest.mark.parametrize(
    "row",
    [
        {"function": "f", "type": "kinesis"},
        {"function": "f", "type": "sqs"},
        {"function": "f", "type": "sqs", "queue": "q", "batch_size": 11},
        {"function": "f", "type": "sqs", "queue": "q", "batch_size": 10_001, "maximum_batching_window_seconds": 1},
        {"function": "f", "type": "sqs", "queue": "q.fifo", "batch_size": 11},
        {"function": "f", "type": "sqs", "queue": "q.fifo", "maximum_batching_window_seconds": 1},
        {"function": "f", "type": "sqs", "queue": "q", "maximum_batching_window_seconds": 301},
        {"function": "f", "type": "sqs", "queue": "q", "maximum_concurrency": 1},
        {"function": "f", "type": "sqs", "queue": "q", "maximum_concurrency": 1_001},
        {"function": "f", "type": "dynamodb-stream", "table": "t", "on_failure": "a-queue"},
        {
            "function": "f",
            "type": "dynamodb-stream",
            "table": "t",
            "on_failure": "arn:aws:sqs:us-east-1:123456789012:q.fifo",
        },
        {"function": "f", "type": "dynamodb-stream"},
        {"function": "f", "type": "dynamodb-stream", "table": "t", "batch_size": 0},
        {"function": "f", "type": "dynamodb-stream", "table": "t", "unknown": 1},
        {"function": "f", "type": "schedule"},
        {"type": "schedule", "rate": "rate(1 minute)"},
        {"function": "f", "type": "dynamodb-stream", "table": "t", "filter_patterns": [{"a": [{"prefix": "x"}]}]},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_used(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(BadEventSource):
        _read(tmp_path, row)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadEventSource, match="none"):
        read_event_sources(tmp_path / "none")


EXISTS = {"dynamodb": {"NewImage": {"q": {"N": [{"exists": True}]}}}}


@pytest.mark.parametrize(
    ("pattern", "record", "fits"),
    [
        (EXISTS, {"dynamodb": {"NewImage": {"q": {"N": "1"}}}}, True),
        (EXISTS, {"dynamodb": {"NewImage": {"p": {"N": "1"}}}}, False),
        (EXISTS, {"dynamodb": {}}, False),
        ({"eventName": ["INSERT", "MODIFY"]}, {"eventName": "MODIFY"}, True),
        ({"eventName": ["INSERT"]}, {"eventName": "REMOVE"}, False),
        ({"eventName": ["INSERT"], **EXISTS}, {"eventName": "INSERT"}, False),
        ({"userIdentity": [{"exists": False}]}, {"eventName": "INSERT"}, True),
    ],
    ids=str,
)
def test_filters(pattern: Any, record: Any, fits: bool) -> None:
    assert StreamSource("f", "t", filter_patterns=[pattern]).takes(record) is fits
