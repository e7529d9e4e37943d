"""Lambda authorizers that are real functions: plain handlers of a definition, and a Chalice app's `@app.authorizer`.

Source: API Gateway developer guide: apigateway-use-lambda-authorizer.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.gateway import HERE
from tests.doubles.gateway_command import serving
from tests.law.source import ROOT

AUTHORIZER = """
import os

CALLS = []

def rule(event, context):
    token = event.get("authorizationToken") or event["headers"]["X-Token"]
    if token == "stranger":
        raise Exception("Unauthorized")
    if token == "broken":
        raise Exception("out of order")
    if token == "dying":
        os._exit(1)
    CALLS.append(token)
    statement = {"Effect": "Deny" if token == "denied" else "Allow", "Action": "*", "Resource": event["methodArn"]}
    return {
        "principalId": token,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"calls": len(CALLS), "request": context.aws_request_id},
    }

def echo(event, context):
    import json
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""

CHALICE = """
from chalice import AuthResponse, Chalice, AuthRoute

app = Chalice(app_name="shop")

@app.authorizer(ttl_seconds=30)
def doorman(request):
    if request.token == "nobody":
        return AuthResponse(routes=[], principal_id="nobody")
    return AuthResponse(routes=[AuthRoute("/orders/*", ["GET"])], principal_id=request.token, context={"plan": "gold"})

@app.route("/orders/{number}", authorizer=doorman)
def order(number):
    return app.current_request.context["authorizer"] | {"order": number}

@app.route("/orders", methods=["POST"], authorizer=doorman)
def create():
    return {}

@app.route("/orders/{number}/invoice", authorizer=doorman, api_key_required=True)
def invoice(number):
    return {}

@app.route("/open")
def everybody():
    return {}
"""


def _ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request(method, path, headers=headers)
    response = client.getresponse()
    status, body = response.status, json.loads(response.read())
    client.close()
    return status, body


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "door.py").write_text(AUTHORIZER)
    functions = ["--code-root", str(folder), "--lambda", "rule=door:rule", "--lambda", "echo=door:echo"]
    stages = ["--stages", str(HERE / "gateway_authorizers_stages.yaml"), "--stage", "local"]
    with serving(["--api", str(HERE / "gateway_authorizers.yaml"), *stages, *functions], folder) as port:
        yield port


def test_the_function_s_answer_decides(plain: int) -> None:
    status, body = _ask(plain, "/token", **{"X-Token": "friend"})
    assert (status, body["principalId"]) == (200, "friend")
    assert _ask(plain, "/token", **{"X-Token": "denied"})[0] == 403
    assert _ask(plain, "/token", **{"X-Token": "stranger"}) == (401, {"message": "Unauthorized"})
    assert _ask(plain, "/token", **{"X-Token": "broken"}) == (500, {"message": None})
    assert _ask(plain, "/token") == (401, {"message": "Unauthorized"})


def test_the_answer_is_remembered_and_its_policy_looked_at_anew(plain: int) -> None:
    answers = [_ask(plain, "/token/1", **{"X-Token": "again"}) for _ in range(3)]
    assert [status for status, _ in answers] == [200] * 3
    assert len({body["request"] for _, body in answers}) == 1
    assert [body["integrationLatency"] for _, body in answers[1:]] == [0, 0]
    assert _ask(plain, "/token/2", **{"X-Token": "again"})[0] == 403


def test_a_function_that_dies_is_500_and_replaced(plain: int) -> None:
    """F18: a worker killed in this phase; others unaffected, replaced."""
    assert _ask(plain, "/token", **{"X-Token": "dying"}) == (500, {"message": None})
    assert _ask(plain, "/uncached", **{"X-Token": "after"})[0] == 200


def test_a_chalice_app_s_own_authorizer(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "shop"}')
    (tmp_path / "app.py").write_text(CHALICE)
    with serving(["--functions", str(tmp_path / "app.py")], tmp_path) as port:
        status, body = _ask(port, "/orders/7", Authorization="me")
        assert (status, body["principalId"], body["plan"], body["order"]) == (200, "me", "gold", "7")
        assert _ask(port, "/orders", "POST", Authorization="me")[0] == 403
        assert _ask(port, "/orders/7", Authorization="nobody")[0] == 403
        assert _ask(port, "/orders/7") == (401, {"message": "Unauthorized"})
        assert _ask(port, "/orders/7/invoice") == (401, {"message": "Unauthorized"})
        assert _ask(port, "/orders/7/invoice", Authorization="me") == (403, {"message": "Forbidden"})
        assert _ask(port, "/open") == (200, {})


def test_an_authorizer_that_nobody_runs_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text(AUTHORIZER)
    command = [
        "--api",
        str(HERE / "gateway_authorizers.yaml"),
        "--code-root",
        str(tmp_path),
        "--lambda",
        "echo=door:echo",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "emulator", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "GET /token: there is no function rule; there are echo" in done.stderr
