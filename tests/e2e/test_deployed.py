"""`make run DEPLOYED=1`: the platform deployed to its own control planes by the calls that deploy to AWS (about 30 s).

One stack lives through it all: deployed from nothing, deployed again, ended and started again, taken away. What a kill -9 leaves
of the planes is in tests/integration/emulator/test_control_command.py.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import psutil

from infra.local.api_client import Answer, Api
from infra.local.engines import ROOT
from tests.docs.pages import page, shell_blocks
from tests.e2e.conftest import NewStack
from tests.e2e.local_stack import LocalStack, clean_environment

COMMAND_SECONDS = 120
PAID = 1_250
SMALL_QUOTA = 2
DEPLOYED = {"DEPLOYED": "1"}


def _command(stack: LocalStack, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.deploy", *words, "--stage", "local"],
        cwd=ROOT,
        env={**clean_environment(), **_places(stack)},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def _places(stack: LocalStack) -> dict[str, str]:
    return {"DATA": str(stack.data), "LOCAL": str(stack.local)}


def _done(stack: LocalStack, *words: str) -> str:
    done = _command(stack, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _client(stack: LocalStack, service: str) -> Any:
    there: dict[str, str] = json.loads((stack.data / "aws.json").read_text())
    endpoint = there.get(f"AWS_ENDPOINT_URL_{service.upper()}", there["AWS_ENDPOINT_URL"])
    if service == "apigateway":
        endpoint = there["AWS_ENDPOINT_URL_API_GATEWAY"]
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": there["AWS_REGION"]}
    return boto3.client(service, endpoint_url=endpoint, **keys)


def _pay(api: Api, stack: LocalStack, key: str) -> Answer:
    accounts = stack.sandbox.accounts
    body = {"amount": PAID, "currency": "USD", "payer": accounts["payer"], "payee": accounts["merchant"]}
    return api.post("/v1/payments", body, key=key)


def _workers(stack: LocalStack) -> Iterator[psutil.Process]:
    emulator = stack.child("emulator")
    yield from emulator.children(recursive=True)


def test_a_deployed_stack_lives_and_goes(new_stack: NewStack) -> None:
    stack = new_stack("dynoxide").start()
    assert stack.signal(signal.SIGTERM) == 0
    stack.wait_gone()
    stack.start(DEPLOYED)  # on the data of the other way to run
    first = _pays_from_the_zip(stack)
    _deploying_again_changes_nothing(stack)
    key = _spends_a_quota(stack)
    api_id = _api_id(stack)
    assert stack.signal(signal.SIGTERM) == 0
    stack.wait_gone()
    stack.start(DEPLOYED)
    _is_as_before(stack, first, key, api_id)
    _goes(stack)


def _pays_from_the_zip(stack: LocalStack) -> Answer:
    assert "everything was read back" in stack.log
    api = stack.api()
    first = _pay(api, stack, "order-1")
    assert (first.status, first.json["status"]) == (201, "captured")
    api.close()
    code = stack.data / "state" / "deployed" / "code"
    homes = {os.path.realpath(worker.cwd()) for worker in _workers(stack)}
    assert homes
    assert all(home.startswith(os.path.realpath(code)) for home in homes), homes
    (unpacked,) = (one for one in code.iterdir() if one.is_dir())
    assert not (unpacked / "emulator").exists()
    assert (unpacked / "chalicelib" / "payments" / "create.py").exists()
    return first


def _deploying_again_changes_nothing(stack: LocalStack) -> None:
    """As docs/operations.md shows it."""
    (block,) = shell_blocks(page("docs/operations.md"))
    shown = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=ROOT,
        env={**clean_environment(), **_places(stack)},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert shown.stdout == block.output, shown.stderr


def _api_id(stack: LocalStack) -> str:
    (api,) = _client(stack, "apigateway").get_rest_apis()["items"]
    return str(api["id"])


def _spends_a_quota(stack: LocalStack) -> str:
    """Make a plan with a small quota beside the defined ones, and use it up; return its key."""
    gateway = _client(stack, "apigateway")
    stages = [{"apiId": _api_id(stack), "stage": "local"}]
    quota = {"limit": SMALL_QUOTA, "period": "MONTH"}
    plan = gateway.create_usage_plan(name="a-small-one", apiStages=stages, quota=quota)
    key = gateway.create_api_key(name="mine", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    value = str(key["value"])
    assert [_with_key(stack, value) for _ in range(SMALL_QUOTA + 1)] == [403, 403, 429]
    return value


def _with_key(stack: LocalStack, key: str) -> int:
    """The key of another client: the function refuses it, and the plan counts it."""
    api = stack.api()
    try:
        return api.get("/v1/accounts", **{"x-api-key": key}).status
    finally:
        api.close()


def _is_as_before(stack: LocalStack, first: Answer, key: str, api_id: str) -> None:
    assert _api_id(stack) == api_id
    api = stack.api()
    again = _pay(api, stack, "order-1")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    api.close()
    assert _with_key(stack, key) == 429


def _goes(stack: LocalStack) -> None:
    refused = _command(stack, "destroy")
    assert refused.returncode == 1
    assert "say so with" in refused.stderr
    gone = _done(stack, "destroy", "--confirm", "local")
    assert "the API tollgate-local" in gone
    assert _client(stack, "apigateway").get_rest_apis()["items"] == []
    assert _client(stack, "lambda").list_functions()["Functions"] == []
    assert _client(stack, "dynamodb").list_tables()["TableNames"] == []
    assert "(stays:" in _done(stack, "destroy", "--confirm", "local")
