"""`make localstack`: the platform deployed to a stand-in, used over HTTPS, deployed again, and taken away."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import localstack_client.session
import psutil
import pytest

from infra.functions import ROOT, function_rows
from infra.local import engines
from infra.local.engines import free_port
from tests.docs.pages import page, run_blocks, shell_blocks
from tests.e2e.local_stack import LocalStack, until
from tests.integration.localstack.differences import STAND_INS

READY_SECONDS = 180.0
COMMAND_SECONDS = 120
IN_THE_STAND_IN = {"ministack": len(function_rows("local")), "moto": 0}
"""Functions that the stand-in has; moto runs none, so the emulator has them."""


@dataclass(frozen=True, slots=True)
class There:
    """A stand-in with the platform in it."""

    name: str
    port: int
    stack: LocalStack

    @property
    def home(self) -> Path:
        return self.stack.local / "localstack"

    def client(self, service: str) -> Any:
        """Return the client that localstack-client has for the stand-in."""
        return localstack_client.session.Session(localstack_host=f"127.0.0.1:{self.port}").client(service)

    def make(self, line: str) -> tuple[int, str]:
        """Run what `make` would run in a shell that has read environment.sh; return exit code and words."""
        ready = f". {self.home / 'environment.sh'}"
        told = self._shell(f"{ready}; make -n {line} | grep infra.deploy").stdout
        done = self._shell(f"{ready}; {told.replace('.venv/bin/python', sys.executable)}")
        return done.returncode, done.stdout + done.stderr

    def _shell(self, script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )


@pytest.fixture(params=STAND_INS)
def there(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    """Run `make localstack` on free ports, MiniStack started by it and moto named by its URL; leave nothing of it."""
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    name, port = str(request.param), free_port()
    stack = LocalStack(tmp_path / "stack", module="infra.local.localstack", ready_seconds=READY_SECONDS)
    running = engines.start_moto(port=port) if name == "moto" else None
    asked = {"ENDPOINT": running.url, "FUNCTIONS": "here"} if running else {"ENDPOINT": f"{name}:{port}"}
    try:
        stack.start({**asked, "DATA": str(stack.local / "localstack")})
        yield There(name, port, stack)
        assert running is None or running.process is None or running.process.poll() is None, "it was not ours to stop"
    finally:
        stack.stop()
        if running:
            running.stop()


def test_the_platform_lives_there_and_leaves(there: There, tmp_path: Path) -> None:
    _nobody_else_can_reach_it(there)
    _a_second_deployment_changes_nothing(there)
    _a_payment_happens_once(there)
    _localstack_client_sees_the_tables_and_functions(there)
    run_blocks(
        [*shell_blocks(page("README.md"))[:4], *shell_blocks(page("docs/localstack.md"))], there.stack.local, tmp_path
    )
    _destroy_leaves_nothing(there)
    assert there.stack.signal(signal.SIGTERM) == 0, there.stack.log
    there.stack.wait_gone()
    assert not list(there.home.glob("functions/*"))


def _nobody_else_can_reach_it(there: There) -> None:
    family = there.stack.members()
    listening = [
        connection.laddr.ip
        for member in family
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 2, "the gateway and its control planes at least"
    assert set(listening) == {"127.0.0.1"}


def _a_second_deployment_changes_nothing(there: There) -> None:
    code, said = there.make("deploy STAGE=dev")
    assert code == 0, said
    assert f"dev is deployed at {there.stack.sandbox.base_url}: nothing had to change; everything was read back" in said


def _a_payment_happens_once(there: There) -> None:
    api, accounts, key = there.stack.api(), there.stack.sandbox.accounts, f"once-{secrets.token_hex(4)}"
    before = api.available(accounts["payer"])
    body = {"amount": 1250, "currency": "USD", "payer": accounts["payer"], "payee": accounts["merchant"]}
    first, again = (api.post("/v1/payments", body, key=key) for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert before - api.available(accounts["payer"]) == 1250
    assert api.available(accounts["merchant"]) == 1250
    history = f"/v1/payments/{first.json['id']}/history"
    until("the stream has been followed", lambda: len(api.get(history).json["data"]) == 1)
    api.close()


def _localstack_client_sees_the_tables_and_functions(there: There) -> None:
    rows = there.client("dynamodb").scan(TableName="tollgate-dev-commits")["Items"]
    assert [row for row in rows if row["sk"]["S"].startswith("c/prn_sandbox/once-")]
    assert len(there.client("lambda").list_functions()["Functions"]) == IN_THE_STAND_IN[there.name]
    assert there.client("apigateway").get_rest_apis()["items"] == [], "the API is in our gateway, not there"
    if IN_THE_STAND_IN[there.name]:
        lines = there.client("logs").filter_log_events(logGroupName="/aws/lambda/tollgate-dev-payments")["events"]
        assert any('"answered"' in line["message"] for line in lines), "functions log there"


def _destroy_leaves_nothing(there: There) -> None:
    code, said = there.make("destroy STAGE=dev CONFIRM=dev GIVE_UP_LEDGER=1")
    assert code == 0, said
    assert _left(there) == {"role tollgate-apigateway-logs"}, "one for all APIs of the account"


def _left(there: There) -> set[str]:
    """Return what the stand-in still has of us."""
    tables = there.client("dynamodb").list_tables()["TableNames"]
    functions = [row["FunctionName"] for row in there.client("lambda").list_functions()["Functions"]]
    roles = [row["RoleName"] for row in there.client("iam").list_roles()["Roles"]]
    logs = [row["logGroupName"] for row in there.client("logs").describe_log_groups()["logGroups"]]
    rules = [row["Name"] for row in there.client("events").list_rules()["Rules"]]
    secret = [row["Name"] for row in there.client("secretsmanager").list_secrets()["SecretList"]]
    aliases = [row["AliasName"] for row in there.client("kms").list_aliases()["Aliases"]]
    alarms = [row["AlarmName"] for row in there.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    topics = [row["TopicArn"] for row in there.client("sns").list_topics()["Topics"]]
    queues = there.client("sqs").list_queues().get("QueueUrls", [])
    apis = [row["name"] for row in there.client("apigateway").get_rest_apis()["items"]]
    plans = [row["name"] for row in there.client("apigateway").get_usage_plans()["items"]]
    own_aliases = [name for name in aliases if not name.startswith("alias/aws/")]
    kinds = {
        "table": tables, "function": functions, "role": roles, "log": logs, "rule": rules, "secret": secret,
        "alias": own_aliases, "alarm": alarms, "topic": topics, "queue": queues, "API": apis, "plan": plans,
    }  # fmt: skip
    return {f"{kind} {name}" for kind, names in kinds.items() for name in names}
