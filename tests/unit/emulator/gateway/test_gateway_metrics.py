"""What is counted: API Gateway developer guide, "Amazon API Gateway dimensions and metrics"."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator.gateway.chain import Gateway
from emulator.gateway.metrics import BOUNDS_MS, RECORD_VALUES, Distribution, Metrics
from emulator.metrics_page import page
from emulator.served import Served
from tests.doubles.gateway import Rig, header, read_deployment

OPEN = {"api_name": "sample", "stage": "local", "method": "GET", "resource": "/open"}


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def metered(tmp_path: Path, written: list[bytes]) -> Rig:
    """A gateway whose stage has detailed metrics for one method, and whose records are kept."""
    deployment = read_deployment()
    stage = replace(deployment.stage, method_metrics={"GET /open": True})
    return Rig(tmp_path, replace(deployment, stage=stage), metrics=Metrics(written.append))


def answered(status: int, _: object) -> object:
    return {"statusCode": status}


def values(metrics: Metrics, **labels: str) -> dict[str, float]:
    text = page(metrics, "GET").body.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: sample.value for sample in samples if labels.items() <= sample.labels.items()}


def records(written: list[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in b"".join(written).splitlines()]


def test_the_page_counts_answers_and_errors_by_method(metered: Rig) -> None:
    for status in (200, 201, 302, 404, 429, 500, 503):
        metered.functions.handler = partial(answered, status)
        metered.ask("GET", "/open")
    metered.ask("GET", "/nowhere")
    found = values(metered.metrics, **OPEN)
    counted = {name: found[f"aws_apigateway_{name}_total"] for name in ("count", "4xxerror", "5xxerror")}
    assert counted == {"count": 7, "4xxerror": 2, "5xxerror": 2}
    assert found["aws_apigateway_latency_milliseconds_count"] == 7
    assert values(metered.metrics, resource="", method="")["aws_apigateway_4xxerror_total"] == 1
    assert "aws_apigateway_count_total" not in values(metered.metrics, resource="/slow"), "nobody asked for it"


def test_times_are_told_apart(metered: Rig) -> None:
    """Latency is from the request's arrival to the answer, IntegrationLatency what the integration took of it."""

    def slow(_: object) -> object:
        metered.time.advance(30)
        return {"statusCode": 200}

    metered.functions.handler = slow
    metered.ask("GET", "/open")
    metered.ask("PATCH", "/things")
    found = values(metered.metrics, **OPEN)
    assert found["aws_apigateway_integration_latency_milliseconds_sum"] == 30
    assert found["aws_apigateway_latency_milliseconds_sum"] == 30
    mocked = values(metered.metrics, resource="/things", method="ANY")
    assert mocked["aws_apigateway_latency_milliseconds_count"] == 1
    assert mocked["aws_apigateway_integration_latency_milliseconds_count"] == 0


def test_a_bucket_holds_what_is_at_most_its_bound() -> None:
    times = Distribution()
    for value in (0, 1, 2, 29_000, 29_001):
        times.add(value)
    assert times.counts == [2, 1, *[0] * (len(BOUNDS_MS) - 3), 1, 1]


def test_a_record_is_one_of_the_embedded_metric_format(metered: Rig, written: list[bytes]) -> None:
    """Source: "Specification: Embedded metric format": `_aws`, directives, dimension sets, and values by name."""
    metered.ask("GET", "/open")
    metered.functions.handler = lambda _: {"statusCode": 503}
    metered.ask("GET", "/open")
    metered.metrics.flush()
    (record,) = records(written)
    (directive,) = record["_aws"]["CloudWatchMetrics"]
    assert record["_aws"]["Timestamp"] == metered.time.wall_at
    assert not directive["Namespace"].startswith("AWS/"), "CloudWatch would refuse it"
    detailed = ["ApiName", "Stage", "Method", "Resource"]
    assert directive["Dimensions"] == [["ApiName"], ["ApiName", "Stage"], detailed]
    assert [record[name] for name in detailed] == ["sample", "local", "GET", "/open"]
    told = {metric["Name"]: (metric["Unit"], record[metric["Name"]]) for metric in directive["Metrics"]}
    assert told == {
        "Count": ("Count", [1, 1]),
        "4XXError": ("Count", [0, 0]),
        "5XXError": ("Count", [0, 1]),
        "Latency": ("Milliseconds", [0, 0]),
        "IntegrationLatency": ("Milliseconds", [0, 0]),
    }


def test_methods_are_named_where_the_stage_asks_for_it(metered: Rig, written: list[bytes]) -> None:
    metered.ask("GET", "/nowhere")
    metered.metrics.flush()
    (record,) = records(written)
    assert record["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["ApiName"], ["ApiName", "Stage"]]
    assert "IntegrationLatency" not in record, "no integration was called"


def test_no_request_is_in_two_records_or_in_none(metered: Rig, written: list[bytes]) -> None:
    for _ in range(2 * RECORD_VALUES + 3):
        metered.ask("GET", "/open")
    metered.metrics.flush()
    metered.metrics.flush()
    assert [len(record["Count"]) for record in records(written)] == [RECORD_VALUES, RECORD_VALUES, 3]


def test_counts_outlive_a_definition(metered: Rig) -> None:
    metered.ask("GET", "/open")
    successor = Gateway(metered.deployment, metered.around)
    served = Served(successor, metered.around, lambda: metered.deployment)
    metered.gateway = served.gateway
    metered.ask("GET", "/open")
    assert values(metered.metrics, **OPEN)["aws_apigateway_count_total"] == 2


def test_nothing_is_kept_for_records_that_nobody_wants(rig: Rig) -> None:
    rig.ask("GET", "/open")
    assert [series.recent for series in rig.metrics.series.values() if series.count] == [[]]


def test_the_page_is_read_and_not_written() -> None:
    reply = page(Metrics(), "POST")
    assert (reply.status, header(reply, "Allow")) == (405, "GET, HEAD")
    assert header(page(Metrics(), "GET"), "Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
