"""API keys in the emulator's file and in API Gateway."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from infra.api_keys import FileApiKeys, GatewayApiKeys, NoPlan


def test_the_file_has_the_emulators_shape(tmp_path: Path) -> None:
    file = tmp_path / "new" / "api_keys.json"
    keys = FileApiKeys(file)
    first, second = keys.issue("a", "sandbox"), keys.issue("b", "trial")
    keys.disable(first.key_id)
    keys.disable("unknown")
    assert json.loads(file.read_text()) == {
        "keys": [
            {"id": first.key_id, "value": first.value, "plan": "sandbox", "enabled": False},
            {"id": second.key_id, "value": second.value, "plan": "trial", "enabled": True},
        ]
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert 20 <= len(first.value) <= 128, "as API Gateway demands"


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    keys = FileApiKeys(tmp_path / "api_keys.json")
    with ThreadPoolExecutor(8) as threads:
        issued = set(threads.map(lambda number: keys.issue(str(number), "sandbox").key_id, range(40)))
    rows = json.loads(keys.file.read_text())["keys"]
    assert {row["id"] for row in rows} == issued
    assert len(issued) == 40
    assert {path.name for path in tmp_path.iterdir()} == {"api_keys.json", ".api_keys.json.lock"}


@pytest.mark.usefixtures("aws")
def test_in_api_gateway_a_key_belongs_to_its_plan() -> None:
    gateway = boto3.client("apigateway")
    plan_id = gateway.create_usage_plan(name="sandbox")["id"]
    gateway.create_usage_plan(name="trial")
    keys = GatewayApiKeys(gateway)
    key = keys.issue("demo.live cl_1", "sandbox")
    assert [row["id"] for row in gateway.get_usage_plan_keys(usagePlanId=plan_id)["items"]] == [key.key_id]
    assert gateway.get_api_key(apiKey=key.key_id, includeValue=True)["value"] == key.value
    keys.disable(key.key_id)
    assert not gateway.get_api_key(apiKey=key.key_id)["enabled"]
    keys.disable("unknown")


@pytest.mark.usefixtures("aws")
def test_without_the_plan_there_is_no_key() -> None:
    gateway = boto3.client("apigateway")
    with pytest.raises(NoPlan, match="sandbox"):
        GatewayApiKeys(gateway).issue("demo.live cl_1", "sandbox")
    assert gateway.get_api_keys()["items"] == []
