"""The metrics of API Gateway: Count, 4XXError, 5XXError, Latency and IntegrationLatency, per stage and method.

Sources: API Gateway developer guide, "Amazon API Gateway dimensions and metrics"; CloudWatch user guide,
"Specification: Embedded metric format". A page in Prometheus text shows every method; the embedded metric format names
methods only where the stage asks for detailed metrics, as CloudWatch does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from emulator.definition import Deployment
from emulator.gateway.context import UNROUTED, Exchange

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 29_000)
"""Upper bounds of the buckets: twice to two and a half times the one before, up to the longest integration."""
RECORD_VALUES = 100
"""What the format allows of values in one record."""
# Source: PutMetricData: names that begin with AWS/ are kept for AWS.
NAMESPACE = "ApiGateway"
_UNITS = {
    "Count": "Count",
    "4XXError": "Count",
    "5XXError": "Count",
    "Latency": "Milliseconds",
    "IntegrationLatency": "Milliseconds",
}

Write = Callable[[bytes], object]


@dataclass(slots=True)
class Distribution:
    """How often a time fell under each bound, the last count being of what exceeds all; `total` in milliseconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    total: int = 0

    def add(self, milliseconds: int) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_MS, milliseconds)] += 1
        self.total += milliseconds


class Sample(NamedTuple):
    """One request; times in milliseconds, `integration` None where none was called."""

    at: int
    status: int
    latency: int
    integration: int | None


@dataclass(slots=True)
class Series:
    """What one method of a stage was asked so far; `recent` is what the next record will say."""

    dimensions: dict[str, str]
    detailed: bool
    count: int = 0
    client_errors: int = 0
    server_errors: int = 0
    latency: Distribution = field(default_factory=Distribution)
    integration_latency: Distribution = field(default_factory=Distribution)
    recent: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Count one request."""
        self.count += 1
        self.client_errors += 400 <= sample.status < 500
        self.server_errors += sample.status >= 500
        self.latency.add(sample.latency)
        if sample.integration is not None:
            self.integration_latency.add(sample.integration)


@dataclass(slots=True)
class Metrics:
    """All series of this process, which outlive a definition; `write` takes records of the embedded metric format."""

    write: Write | None = None
    series: dict[tuple[str, ...], Series] = field(default_factory=dict)

    def of(self, dimensions: dict[str, str], *, detailed: bool) -> Series:
        """The series with these dimensions, old or new."""
        known = self.series.setdefault(tuple(dimensions.values()), Series(dimensions, detailed))
        known.detailed = detailed
        return known

    def add(self, series: Series, sample: Sample) -> None:
        """Count one request, and write a record when it is full."""
        series.add(sample)
        if self.write is not None:
            series.recent.append(sample)
            if len(series.recent) == RECORD_VALUES:
                self._write((series,))

    def flush(self) -> None:
        """Write what has not been written yet."""
        self._write([series for series in self.series.values() if series.recent])

    def _write(self, filled: Iterable[Series]) -> None:
        lines = [orjson.dumps(_record(series), option=orjson.OPT_APPEND_NEWLINE) for series in filled]
        if lines and self.write is not None:
            self.write(b"".join(lines))


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts the requests of one deployment."""

    metrics: Metrics
    by_method: dict[str, Series]

    @classmethod
    def of(cls, deployment: Deployment, metrics: Metrics) -> Meter:
        """A series for each method, and one for what matches none."""
        stage = {"ApiName": deployment.api.title, "Stage": deployment.stage.name}
        found = {UNROUTED.label: metrics.of({**stage, "Method": "", "Resource": ""}, detailed=False)}
        for method in deployment.api.methods:
            dimensions = {**stage, "Method": method.http_method, "Resource": method.resource}
            found[method.label] = metrics.of(dimensions, detailed=deployment.stage.has_metrics(method.label))
        return cls(metrics, found)

    def __call__(self, exchange: Exchange) -> None:
        assert exchange.reply is not None  # it is counted at the end, where every path has one
        sample = Sample(exchange.arrived_at, exchange.reply.status, exchange.latency, exchange.integration.latency)
        self.metrics.add(self.by_method[exchange.method.label], sample)


def _record(series: Series) -> dict[str, object]:
    """One record of at most RECORD_VALUES requests, which are then forgotten.

    A request counts 1 and, in the errors, 0 or 1: so Sum is their number and Average their rate, as on AWS.
    """
    samples, series.recent = series.recent, []
    values: dict[str, list[int]] = {
        "Count": [1] * len(samples),
        "4XXError": [int(400 <= sample.status < 500) for sample in samples],
        "5XXError": [int(sample.status >= 500) for sample in samples],
        "Latency": [sample.latency for sample in samples],
        "IntegrationLatency": [sample.integration for sample in samples if sample.integration is not None],
    }
    values = {name: listed for name, listed in values.items() if listed}
    sets = [["ApiName"], ["ApiName", "Stage"], *([list(series.dimensions)] if series.detailed else [])]
    told = {
        "Namespace": NAMESPACE,
        "Dimensions": sets,
        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in values],
    }
    return {"_aws": {"Timestamp": samples[0].at, "CloudWatchMetrics": [told]}, **series.dimensions, **values}
