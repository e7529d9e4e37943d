"""Readings as CloudWatch takes them. Source: CloudWatch user guide, "Specification: Embedded metric format"."""

import json

import pytest

from chalicelib.web.metrics import Metrics

AT = 1_700_000_000_123


def test_a_reading_is_one_line_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    Metrics("local").count("CommitsChanged", 3, AT)
    (line,) = capsys.readouterr().out.splitlines()
    directive = {
        "Namespace": "Tollgate",
        "Dimensions": [["stage"]],
        "Metrics": [{"Name": "CommitsChanged", "Unit": "Count"}],
    }
    assert json.loads(line) == {
        "_aws": {"Timestamp": AT, "CloudWatchMetrics": [directive]},
        "stage": "local",
        "CommitsChanged": 3,
    }


def test_each_reading_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("local")
    metrics.count("VerifierFindings", 0, AT)
    metrics.count("VerifierFindings", 1, AT)
    assert [json.loads(line)["VerifierFindings"] for line in capsys.readouterr().out.splitlines()] == [0, 1]
