"""The functions file says what Chalice would deploy, with what this machine needs instead."""

import json
import stat
import sys
from pathlib import Path

import pytest

from chalicelib.settings import KeySettings, Settings, TokenSettings
from infra.functions import ROOT, UnknownStage, UnreadableApp, function_rows, main
from infra.resources import read_resources

CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["local"]
GATEWAY_SECONDS = 29


def test_each_function_is_named_and_sized_as_deployed() -> None:
    rows = {row["name"].removeprefix("tollgate-local-"): row for row in function_rows("local")}
    assert rows.keys() == CONFIG["lambda_functions"].keys()
    assert rows["payments"]["handler"] == "chalicelib.payments.entrypoint.handle"
    assert rows["payments_due"]["handler"] == "chalicelib.payments.entrypoint.sweep"
    assert rows["transfers_due"]["handler"] == "chalicelib.transfers.entrypoint.sweep"
    for name, row in rows.items():
        wanted = CONFIG["lambda_functions"][name]
        assert (row["memory_mb"], row["timeout_seconds"]) == (wanted["lambda_memory_size"], wanted["lambda_timeout"])
        assert row["environment"] == CONFIG["environment_variables"] | wanted.get("environment_variables", {})


def test_the_configured_environment_is_what_the_functions_read() -> None:
    rows = {row["name"]: row["environment"] for row in function_rows("local")}
    resources = read_resources("local")
    for environment in rows.values():
        assert Settings.from_environment(environment).table_names() == resources.tables
    tokens = TokenSettings.from_environment(rows["tollgate-local-tokens"])
    assert (tokens.signing_key_id, tokens.pepper_secret_id) == (resources.signing_key, resources.pepper)
    assert KeySettings.from_environment(rows["tollgate-local-keys"]).signing_key_id == resources.signing_key


def test_an_override_goes_where_the_name_is_known_else_everywhere() -> None:
    rows = function_rows("local", {"ISSUER": "https://localhost:1/x", "AWS_REGION": "us-east-1"})
    issuers = {row["name"]: row["environment"].get("ISSUER") for row in rows}
    assert issuers.pop("tollgate-local-tokens") == issuers.pop("tollgate-local-keys") == "https://localhost:1/x"
    assert set(issuers.values()) == {None}
    assert {row["environment"]["AWS_REGION"] for row in rows} == {"us-east-1"}


def test_a_function_outlasts_its_own_patience_and_not_the_gateways() -> None:
    for row in function_rows("local"):
        if row["handler"].endswith(".handle"):
            assert 1 < row["timeout_seconds"] < GATEWAY_SECONDS


def test_a_stage_that_is_not_configured_is_no_stage_of_defaults() -> None:
    with pytest.raises(UnknownStage, match="dev"):
        function_rows("dev")


def test_code_that_does_not_load_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "app", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "x", "stages": {"dev": {}}}')
    (tmp_path / "app.py").write_text("raise RuntimeError('broken at import')\n")
    with pytest.raises(UnreadableApp, match=r"app\.py cannot be imported: .*broken at import") as said:
        function_rows("dev", root=tmp_path)
    assert "\n" not in str(said.value)


def test_the_command_writes_a_file_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "functions.json"
    main(["--stage", "local", "--out", str(file), "--env", "AWS_SECRET_ACCESS_KEY=a=b"])
    rows = json.loads(file.read_text())["functions"]
    assert {row["environment"]["AWS_SECRET_ACCESS_KEY"] for row in rows} == {"a=b"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
