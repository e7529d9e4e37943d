"""The command: what it prints is what a client needs, and what it refuses it says on the error stream."""

import json
from pathlib import Path

import boto3
import pytest

from chalicelib.store.dynamo import Boto3Dynamo
from chalicelib.tokens.client import authenticate
from chalicelib.tokens.form import Credentials
from infra.clients import main
from infra.tables import main as apply_tables

pytestmark = pytest.mark.usefixtures("aws")

CREATE = [
    "create",
    "--tenant=demo.live",
    "--role=operator",
    "--principal=new",
    "--scopes=payments:read payments:write",
]


@pytest.fixture(autouse=True)
def _tables(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    del aws
    apply_tables(["--stage=local"])
    capsys.readouterr()


def test_create_rotate_and_revoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "api_keys.json"
    place = [f"--api-keys={file}", f"--pepper-file={tmp_path / 'pepper'}"]
    assert main([*CREATE, "--plan=sandbox", *place]) == 0
    issued = json.loads(capsys.readouterr().out)
    assert json.loads(file.read_text())["keys"][0]["value"] == issued["api_key"]
    table, pepper = Boto3Dynamo({"clients": "tollgate-local-clients"}), (tmp_path / "pepper").read_bytes()
    shown = Credentials(issued["client_id"], issued["client_secret"])
    assert authenticate(table, pepper, shown).principal == issued["principal"]

    assert main(["rotate", f"--client={issued['client_id']}", *place]) == 0
    rotated = json.loads(capsys.readouterr().out)
    authenticate(table, pepper, Credentials(rotated["client_id"], rotated["client_secret"]))
    authenticate(table, pepper, shown)

    assert main(["revoke", f"--client={issued['client_id']}", *place]) == 0
    assert not json.loads(file.read_text())["keys"][0]["enabled"]


def test_without_a_file_the_key_is_api_gateways(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = boto3.client("apigateway")
    gateway.create_usage_plan(name="tollgate-local-sandbox")
    assert main([*CREATE, "--plan=sandbox"]) == 0
    issued = json.loads(capsys.readouterr().out)
    assert gateway.get_api_key(apiKey=issued["api_key_id"], includeValue=True)["value"] == issued["api_key"]


@pytest.mark.parametrize("plan", ["gold", "trial"])
def test_a_refusal_is_one_sentence(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CREATE, f"--plan={plan}"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert plan in captured.err
