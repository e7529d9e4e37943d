"""What starts functions besides the gateway: the rows of the event sources' file.

    {"event_sources": [
        {"function": "shop-projections", "type": "dynamodb-stream", "table": "orders", "batch_size": 100},
        {"function": "shop-mailer", "type": "sqs", "queue": "letters", "batch_size": 10},
        {"function": "shop-sweeper", "type": "schedule", "rate": "rate(1 minute)"}]}

The names and defaults are those of Lambda's event source mappings (API CreateEventSourceMapping) and of EventBridge's
rates; `rate(n seconds)` is for this machine only. Of the filter patterns, equality and `exists` are understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from emulator.lambdas.destinations import is_destination

_RATE = re.compile(r"rate\(([1-9][0-9]{0,4}) (second|minute|hour|day)s?\)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

Pattern = Mapping[str, Any]
"""One filter pattern, as `FilterCriteria` has it."""

LARGEST_BATCH = 10_000
# Beyond it, and in FIFO queues at all, messages are gathered within a window, or not at all.
LARGEST_BATCH_AT_ONCE = 10
LOWEST_CONCURRENCY, HIGHEST_CONCURRENCY = 2, 1_000
LONGEST_WINDOW_SECONDS = 300
FOR_EVER = -1


class BadEventSource(Exception):
    """A row of the file cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A function behind a table's stream; -1 stands for ever, durations are in seconds.

    `mapping` is the name under which is kept how far it has come: a mapping may change its function and go on.
    """

    function: str
    table: str
    batch_size: int = 100
    maximum_batching_window_seconds: int = 0
    starting_position: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON"
    report_batch_item_failures: bool = False
    bisect_batch_on_function_error: bool = False
    maximum_retry_attempts: int = FOR_EVER
    maximum_record_age_seconds: int = FOR_EVER
    on_failure: str = ""
    filter_patterns: Sequence[Pattern] = ()
    mapping: str = ""

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a record fits one of the patterns, or there is none."""
        return not self.filter_patterns or any(_fits(pattern, record) for pattern in self.filter_patterns)


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A function behind a queue; durations are in seconds."""

    function: str
    queue: str
    batch_size: int = 10
    maximum_batching_window_seconds: int = 0
    report_batch_item_failures: bool = False
    maximum_concurrency: int | None = None
    filter_patterns: Sequence[Pattern] = ()

    @property
    def is_fifo(self) -> bool:
        return self.queue.endswith(".fifo")

    def takes(self, message: Mapping[str, Any]) -> bool:
        """Tell whether a message fits one of the patterns, or there is none; a body of JSON is compared as such."""
        if not self.filter_patterns:
            return True
        with suppress(orjson.JSONDecodeError):
            message = {**message, "body": orjson.loads(message["body"])}
        return any(_fits(pattern, message) for pattern in self.filter_patterns)


@dataclass(frozen=True, slots=True)
class ScheduleSource:
    """A function that is started every `seconds`; by which rule, by its ARN; with this text in the event's place."""

    function: str
    seconds: int
    rule: str = ""
    text: str = ""


Source = StreamSource | QueueSource | ScheduleSource


def read_event_sources(file: Path) -> list[Source]:
    """Read the file; raise BadEventSource for what cannot be used."""
    try:
        rows = orjson.loads(file.read_bytes())["event_sources"]
        return [event_source(row) for row in rows]
    except (OSError, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise BadEventSource(f"{file}: {error!r}") from error


def event_source(row: Mapping[str, Any]) -> Source:
    """Read one row; raise BadEventSource for what cannot be used."""
    settings = {name: value for name, value in row.items() if name != "type"}
    match row["type"]:
        case "dynamodb-stream":
            stream = StreamSource(**settings)
            _check(stream)
            if stream.on_failure and not is_destination(stream.on_failure):
                raise BadEventSource(f"{stream.function}: on_failure must be the ARN of a standard queue or topic")
            return stream
        case "sqs":
            queue = QueueSource(**settings)
            _check(queue)
            _check_queue(queue)
            return queue
        case "schedule":
            return ScheduleSource(settings["function"], rate_seconds(settings["rate"]))
        case other:
            raise BadEventSource(
                f"{row['function']}: {other!r} is no event source; use dynamodb-stream, sqs or schedule"
            )


def _check(source: StreamSource | QueueSource) -> None:
    if not 1 <= source.batch_size <= LARGEST_BATCH:
        raise BadEventSource(f"{source.function}: batch_size must be from 1 to {LARGEST_BATCH}")
    if not 0 <= source.maximum_batching_window_seconds <= LONGEST_WINDOW_SECONDS:
        raise BadEventSource(f"{source.function}: a batching window is from 0 to {LONGEST_WINDOW_SECONDS} s")
    for pattern in source.filter_patterns:
        _check_pattern(pattern)


def _check_queue(source: QueueSource) -> None:
    """Lambda's own conditions. Source: API CreateEventSourceMapping, BatchSize and ScalingConfig."""
    if source.is_fifo and source.maximum_batching_window_seconds:
        raise BadEventSource(f"{source.function}: a FIFO queue has no batching window")
    if source.batch_size > LARGEST_BATCH_AT_ONCE and not source.maximum_batching_window_seconds:
        limit = f"a batch_size above {LARGEST_BATCH_AT_ONCE}"
        allowed = "is not for FIFO queues" if source.is_fifo else "needs a batching window of at least 1 s"
        raise BadEventSource(f"{source.function}: {limit} {allowed}")
    concurrency = source.maximum_concurrency
    if concurrency is not None and not LOWEST_CONCURRENCY <= concurrency <= HIGHEST_CONCURRENCY:
        span = f"from {LOWEST_CONCURRENCY} to {HIGHEST_CONCURRENCY}"
        raise BadEventSource(f"{source.function}: maximum_concurrency must be {span}")


def _fits(pattern: Pattern, value: Any) -> bool:
    """Compare level by level: every name of the pattern must fit; a list holds the alternatives of a leaf."""
    inner = value if isinstance(value, Mapping) else {}
    return all(
        _fits(wanted, inner.get(name)) if isinstance(wanted, Mapping) else _allowed(wanted, inner, name)
        for name, wanted in pattern.items()
    )


def _allowed(alternatives: Sequence[Any], inner: Mapping[str, Any], name: str) -> bool:
    return any(
        (name in inner) == one["exists"] if isinstance(one, Mapping) else inner.get(name) == one for one in alternatives
    )


def _check_pattern(pattern: Any) -> None:
    """Refuse what is not understood: a filter that is taken for another loses records."""
    for wanted in pattern.values():
        if isinstance(wanted, Mapping):
            _check_pattern(wanted)
        elif not isinstance(wanted, list) or not all(map(_is_understood, wanted)):
            raise BadEventSource(f"the filter {wanted!r} is not understood here; equality and exists are")


def _is_understood(alternative: Any) -> bool:
    if isinstance(alternative, Mapping):
        return set(alternative) == {"exists"} and isinstance(alternative["exists"], bool)
    return not isinstance(alternative, list)


def rate_seconds(rate: str) -> int:
    """Return the seconds of `rate(5 minutes)`."""
    found = _RATE.fullmatch(rate)
    if found is None:
        raise BadEventSource(f"{rate!r} is no rate; write rate(1 minute), rate(5 minutes), rate(1 hour)")
    return int(found[1]) * _SECONDS[found[2]]
