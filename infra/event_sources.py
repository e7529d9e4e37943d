"""The event sources of a stage as the emulator reads them: the same streams and schedules that are deployed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.files import replace_file
from infra.resources import Resources

APP: Final = "tollgate"
LOCAL_RATES: Final = {"payments_due": "rate(2 seconds)", "transfers_due": "rate(2 seconds)"}
"""On this machine nobody wants to wait a minute for a hold to expire."""

STREAM: Final[dict[str, Any]] = {
    "type": "dynamodb-stream",
    "batch_size": 100,
    "maximum_batching_window_seconds": 1,
    "starting_position": "TRIM_HORIZON",
    "report_batch_item_failures": True,
    "bisect_batch_on_function_error": True,
}
"""No limit of attempts or age: a projection that cannot be written waits, and is seen to wait. What comes within a
second is written together: that takes a fraction of as many calls."""


def source_rows(resources: Resources, rates: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return one row per stream and schedule; `rates` replaces some schedules' own."""
    streams = [
        {
            "function": f"{APP}-{resources.stage}-{stream.function}",
            "table": resources.tables[stream.table],
            "filter_patterns": [stream.only] if stream.only else [],
            **STREAM,
        }
        for stream in resources.streams
    ]
    schedules = [
        {
            "function": f"{APP}-{resources.stage}-{function}",
            "type": "schedule",
            "rate": (rates or {}).get(function, own),
        }
        for function, own in resources.schedules.items()
    ]
    return streams + schedules


def write_sources(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows for the emulator."""
    replace_file(file, json.dumps({"event_sources": rows}, indent=2).encode() + b"\n")
