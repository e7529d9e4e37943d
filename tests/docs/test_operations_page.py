"""docs/operations.md has every step, every alarm and every variable of a deployment, and its sums add up."""

import re
from pathlib import Path

import pytest

from infra.deploy.account import Account
from infra.deploy.bucket_step import Bucket
from infra.deploy.signing_step import Issuer
from infra.deploy.steps import Target, steps_of
from infra.resources import read_resources
from tests.docs.pages import page, table_rows

PAGE = page("docs/operations.md")
ACCOUNT = Account("123456789012", "us-east-1")
CENTS = 0.0051


def test_the_steps_are_those_of_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    bucket = Bucket(ACCOUNT, "documents")
    target = Target("dev", ACCOUNT, Issuer(bucket.url, bucket), url="", ca="", folder=tmp_path)
    assert [row[0] for row in table_rows(PAGE, "step")] == [step.name for step in steps_of(target)]


def test_each_alarm_has_its_row() -> None:
    said = [row[0].strip("`") for row in table_rows(PAGE, "alarm")]
    assert sorted(said) == sorted(read_resources("prod").alarms)


def test_the_variables_are_those_of_the_makefile() -> None:
    options = page("Makefile").split("\nDEPLOY = ")[1].split("\n\n")[0]
    said = {word for row in table_rows(PAGE, "variable") for word in re.findall(r"`([A-Z_]+)`", row[0])}
    assert said == set(re.findall(r"\$\(if \$\(([A-Z_]+)\)", options))


def test_a_million_payments_cost_what_is_said() -> None:
    *rows, total = table_rows(PAGE, "what")
    for _, number, price, dollars in rows:
        assert abs(float(number) * float(price) - float(dollars)) < CENTS
    (said,) = re.findall(r"[0-9.]+", " ".join(total))
    assert abs(sum(float(row[3]) for row in rows) - float(said)) < CENTS


def test_the_write_units_are_those_of_the_data_model() -> None:
    rows = {row[0]: row for row in table_rows(page("docs/data-model.md"), "operation")}
    _, _, units, _, projected = rows["`payments.create`"]
    count = sum(int(found or 1) for found in re.findall(r"(\d+)? ?(?:event|history|line)", projected))
    said = [row[1] for row in table_rows(PAGE, "what") if row[0].startswith("write units")]
    assert said == [units, str(2 * count)]
