"""`/_emulator/metrics`: the gateway's metrics as Prometheus text, by the client library's own writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from emulator.gateway.context import Reply
from emulator.gateway.metrics import BOUNDS_MS, Distribution, Metrics, Series

# As CloudWatch's names are written by its exporters for Prometheus.
_LABELS = ("api_name", "stage", "method", "resource")
_COUNTERS: dict[str, tuple[str, Callable[[Series], int]]] = {
    "aws_apigateway_count": ("Requests", lambda series: series.count),
    "aws_apigateway_4xxerror": ("Answers from 400 to 499", lambda series: series.client_errors),
    "aws_apigateway_5xxerror": ("Answers from 500", lambda series: series.server_errors),
}
_BOUNDS = (*(str(bound) for bound in BOUNDS_MS), "+Inf")


class _Page(Collector):
    def __init__(self, series: Iterable[Series]) -> None:
        self._series = list(series)

    def collect(self) -> Iterator[Metric]:
        for name, (text, value) in _COUNTERS.items():
            counter = CounterMetricFamily(name, text, labels=_LABELS)
            for series in self._series:
                counter.add_metric(_labels(series), value(series))
            yield counter
        for name, text in (
            ("latency", "From the request's arrival to its answer"),
            ("integration_latency", "What of that the integration took"),
        ):
            family = HistogramMetricFamily(f"aws_apigateway_{name}_milliseconds", text, labels=_LABELS)
            for series in self._series:
                _add(family, _labels(series), getattr(series, name))
            yield family


def _labels(series: Series) -> list[str]:
    return list(series.dimensions.values())


def _add(family: HistogramMetricFamily, labels: list[str], times: Distribution) -> None:
    family.add_metric(labels, list(zip(_BOUNDS, accumulate(times.counts), strict=True)), times.total)


def page(metrics: Metrics, method: str) -> Reply:
    """The page, with the methods that have been asked for."""
    if method not in ("GET", "HEAD"):
        return Reply(405, [("Content-Type", "text/plain"), ("Allow", "GET, HEAD")], b"method not allowed\n")
    registry = CollectorRegistry()
    registry.register(_Page(series for series in metrics.series.values() if series.count))
    return Reply(200, [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)], generate_latest(registry))
