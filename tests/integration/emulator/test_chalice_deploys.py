"""`chalice deploy` of a stranger's app, with routes, an authorizer and a schedule, to the emulator's planes (about 20 s).

IAM is moto's; API Gateway, Lambda and EventBridge are the emulator's own, and so is what answers the requests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local import engines
from tests.doubles.gateway_command import serving

CHALICE_SECONDS = 120
CONFIG = {"version": "2.0", "app_name": "shop", "stages": {"dev": {"api_gateway_stage": "api"}}}
FIRST = """
from chalice import AuthResponse, Chalice, CORSConfig

app = Chalice(app_name="shop")


@app.authorizer()
def only_rex(request):
    return AuthResponse(routes=["/orders/*"] if request.token == "rex" else [], principal_id="rex")


@app.route("/")
def hello():
    return {"release": 1}


@app.route("/orders/{number}", authorizer=only_rex, cors=CORSConfig(allow_origin="https://shop.example"))
def order(number):
    return {"order": number, "who": app.current_request.context["authorizer"]["principalId"]}


@app.schedule("rate(1 hour)")
def tidy(event):
    return {}
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """The app's project, and where it is deployed to."""

    project: Path
    environment: dict[str, str]
    port: int

    def chalice(self, command: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("chalice")), command, "--stage", "dev"],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=CHALICE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL_LAMBDA"], **keys)

    def ask(self, path: str, verb: str = "GET", **headers: str) -> tuple[int, Any, dict[str, str]]:
        (api,) = self.client("apigateway").get_rest_apis()["items"]
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(verb, f"/_aws/execute-api/{api['id']}/api{path}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if body else None, dict(answer.getheaders())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The app, deployed."""
    folder, control = tmp_path, engines.free_port()
    project = folder / "project"
    (project / ".chalice").mkdir(parents=True)
    (project / ".chalice" / "config.json").write_text(json.dumps(CONFIG))
    (project / "app.py").write_text(FIRST)
    (project / "requirements.txt").write_text("")
    moto = engines.start_moto()
    here = f"http://127.0.0.1:{control}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment = {
        **kept,
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto.url,
        **{f"AWS_ENDPOINT_URL_{service}": here for service in ("API_GATEWAY", "LAMBDA", "EVENTBRIDGE")},
    }
    options = ["--control-port", str(control), "--state-dir", str(folder / "state")]
    try:
        with serving(options, folder, environment) as port:
            deployed = Shop(project, environment, port)
            deployed.chalice("deploy")
            yield deployed
    finally:
        moto.stop()


def test_an_app_is_deployed_released_again_and_taken_away(shop: Shop) -> None:
    _is_served(shop)
    _next_release_takes_its_place(shop)
    shop.chalice("delete")
    assert shop.client("apigateway").get_rest_apis()["items"] == []
    assert shop.client("lambda").list_functions()["Functions"] == []
    assert shop.client("events").list_rules()["Rules"] == []


def _is_served(shop: Shop) -> None:
    assert shop.ask("/")[:2] == (200, {"release": 1})
    assert shop.ask("/orders/7")[0] == 401
    assert shop.ask("/orders/7", Authorization="tom")[0] == 403
    assert shop.ask("/orders/7", Authorization="rex")[:2] == (200, {"order": "7", "who": "rex"})
    assert shop.ask("/nothing")[0] == 403
    status, _, headers = shop.ask("/orders/7", "OPTIONS")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://shop.example")
    (rule,) = shop.client("events").list_rules()["Rules"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")


def _next_release_takes_its_place(shop: Shop) -> None:
    (before,) = shop.client("apigateway").get_rest_apis()["items"]
    (shop.project / "app.py").write_text(FIRST.replace('"release": 1', '"release": 2'))
    shop.chalice("deploy")
    (after,) = shop.client("apigateway").get_rest_apis()["items"]
    assert after["id"] == before["id"]
    assert shop.ask("/")[:2] == (200, {"release": 2})
