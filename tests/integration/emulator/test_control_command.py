"""`python -m emulator --control-port PORT`: deployed to, asked, ended, killed in the middle of changes, and asked again."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from emulator.control import serving
from emulator.control.here import Here
from emulator.control.kept import Kept
from emulator.control.server import ControlApi
from emulator.options import read_arguments
from infra.local.engines import free_port
from tests.doubles.control_planes import client
from tests.doubles.deployed_api import LAMBDA
from tests.doubles.deployed_lambda import until
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import Lambdas, settings, zipped
from tests.law.source import ROOT

PROXY = 'def handle(event, context):\n    return {"statusCode": 200, "body": "hello"}\n'


@dataclass
class Running:
    """A process, and where it is."""

    process: subprocess.Popen[bytes]
    port: int
    aws: Any
    gateway: Any

    def ask(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    port, control = free_port(), free_port()
    folder.mkdir(exist_ok=True)
    said = folder / f"said-{port}"
    where = ["--port", str(port), "--control-port", str(control), "--state-dir", str(folder), "--worker", "fast"]
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", *where],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: process.poll() is not None or "listening on http://" in said.read_text())
        assert process.poll() is None, said.read_text()
        endpoint = f"http://127.0.0.1:{control}"
        yield Running(process, port, client("lambda", endpoint), client("apigateway", endpoint))
    finally:
        process.terminate()
        process.wait(30)


def routed(one: Running) -> str:
    """The path of a function behind an API."""
    aws = one.gateway
    api = aws.create_rest_api(name="api")
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    aws.put_method(**at, authorizationType="NONE")
    aws.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=LAMBDA.format("f"))
    aws.create_deployment(restApiId=api["id"], stageName="s")
    source = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api['id']}/*"
    named = {"StatementId": "g", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    path = f"/_aws/execute-api/{api['id']}/s/"
    assert one.ask(path) == (500, b'{"message":"Internal server error"}')
    one.aws.add_permission(FunctionName="f", **named, SourceArn=source)
    return path


def test_what_is_deployed_is_served_until_the_end_and_after_it(tmp_path: Path) -> None:
    with running(tmp_path) as one:
        one.aws.create_function(**settings(), Publish=True)
        one.aws.update_function_code(FunctionName="f", ZipFile=zipped({"entry.py": PROXY}))
        path = routed(one)
        assert one.ask(path) == (200, b"hello")
    assert one.process.returncode == 0
    with running(tmp_path) as again:
        assert again.ask(path) == (200, b"hello")
        assert again.aws.invoke(FunctionName="f:1")["Payload"].read() == b'"hello"'


def test_a_kill_in_the_middle_of_changes_loses_none_that_was_answered(tmp_path: Path) -> None:
    with running(tmp_path) as one:
        one.aws.create_function(**settings())

        def change() -> list[str]:
            """Publish new code again and again, until nobody answers any more."""
            answered = []
            try:
                for number in range(10_000):
                    code = zipped({"entry.py": f"def handle(event, context):\n    return {number}\n"})
                    made = one.aws.update_function_code(FunctionName="f", ZipFile=code, Publish=True)
                    answered.append(made["Version"])
            except BotoCoreError:
                pass
            return answered

        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(change)
            until(lambda: len(one.aws.list_versions_by_function(FunctionName="f")["Versions"]) > 5)
            one.process.kill()
            answered = changing.result(60)
    with running(tmp_path) as again:
        rows = again.aws.list_versions_by_function(FunctionName="f")["Versions"]
        found = [row["Version"] for row in rows if row["Version"] != "$LATEST"]
        assert found[: len(answered)] == answered
        assert len(found) - len(answered) in {0, 1}, "one may have been made and not been told"
        for version in found:
            payload = again.aws.invoke(FunctionName="f", Qualifier=version)["Payload"].read()
            assert payload == str(int(version) - 1).encode()
    folders = list((tmp_path / "deployed" / "code").iterdir())
    assert len(folders) == len(found)


def test_who_asks_while_it_starts_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule is put before those that are kept have been read: it waits for them, and stands beside them."""
    before, control, rate = Lambdas(tmp_path), free_port(), "rate(1 hour)"
    for name in ("a", "b", "c"):
        before.rule("PutRule", Name=name, ScheduleExpression=rate)
    aws = client("events", f"http://127.0.0.1:{control}")
    arrived, start, answer, asked = asyncio.Event(), Here.start, ControlApi.__call__, list[asyncio.Task[Any]]()

    async def noticed(api: ControlApi, scope: Any, receive: Any, send: Any) -> None:
        arrived.set()
        await answer(api, scope, receive, send)

    async def start_late(here: Here) -> None:
        asked.append(asyncio.create_task(asyncio.to_thread(aws.put_rule, Name="d", ScheduleExpression=rate)))
        await asyncio.wait_for(arrived.wait(), 30)
        for _ in range(100):
            await asyncio.sleep(0)
        assert list(Kept(tmp_path / "deployed").read("rules")) == ["a", "b", "c"]
        assert not asked[0].done()
        await start(here)

    async def until_answered(*_: Any) -> None:
        await asked[0]

    monkeypatch.setattr(ControlApi, "__call__", noticed)
    monkeypatch.setattr(Here, "start", start_late)
    monkeypatch.setattr(serving, "until_stopped", until_answered)
    options = ["--port", str(free_port()), "--control-port", str(control), "--state-dir", str(tmp_path)]
    asyncio.run(serving.serve(read_arguments(options)))
    assert list(Kept(tmp_path / "deployed").read("rules")) == ["a", "b", "c", "d"]
    aws.close()
