"""The names of a stage; after a restore, those of other tables everywhere: in policies, functions and alarms' reach."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.account import Account
from infra.deploy.project import IssuedBy, write_project
from infra.functions import ROOT, function_rows
from infra.permissions import Where, policy
from infra.resources import FILE, Alarm, read_resources
from infra.template import TABLE, of_kind

ISSUER = IssuedBy("https://issuer.example", "s3://documents")
WHERE = Where("123456789012", "us-east-1")


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The resources after a restore of the ledger of the stage `dev`."""
    file = tmp_path / "resources.yaml"
    file.write_text(FILE.read_text().replace("restored: {}", "restored: {dev: {ledger: tollgate-dev-ledger-2}}"))
    monkeypatch.setattr("infra.resources.read_resources.__defaults__", (file,))
    return file


def test_a_restored_table_takes_the_place_of_the_one_before(restored: Path, tmp_path: Path) -> None:
    dev = read_resources("dev")
    assert dev.tables["ledger"] == "tollgate-dev-ledger-2"
    assert read_resources("prod").tables["ledger"] == "tollgate-prod-ledger"
    assert "tollgate-dev-ledger-2" in [row["TableName"] for row in of_kind(dev, WHERE, TABLE)]
    assert dev.alarms["hot-account"].dimensions == {"TableName": "tollgate-dev-ledger-2"}
    text = json.dumps(policy("payments", dev, WHERE))
    assert ":table/tollgate-dev-ledger-2" in text
    assert ':table/tollgate-dev-ledger"' not in text
    project = write_project(tmp_path / "project", "dev", Account(WHERE.account, WHERE.region), ISSUER, "tollgate")
    for row in function_rows("dev", root=project.folder):
        assert row["environment"]["LEDGER_TABLE"] == "tollgate-dev-ledger-2"
        assert row["environment"]["COMMITS_TABLE"] == "tollgate-dev-commits"


def test_a_restored_table_that_there_is_not_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "resources.yaml"
    file.write_text(FILE.read_text().replace("restored: {}", "restored: {dev: {ledgers: tollgate-dev-ledger-2}}"))
    with pytest.raises(ValueError, match="restored tables are some of commits, ledger"):
        read_resources("dev", file)


def test_the_functions_of_the_source_tree_have_the_tables_of_the_stage() -> None:
    tables = read_resources("local").tables
    for row in function_rows("local", root=ROOT):
        assert {name: row["environment"][f"{name.upper()}_TABLE"] for name in tables} == tables


@pytest.mark.parametrize("bounds", [{}, {"above": 1, "below": 2}])
def test_an_alarm_rings_in_one_direction(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above or below a number"):
        Alarm("it rings", "Tollgate", "Findings", {}, "Sum", 60, **bounds)
