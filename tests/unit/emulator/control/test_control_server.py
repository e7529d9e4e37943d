"""What the listener of the control planes does with requests that are no operation, and with operations that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.control import server
from emulator.control.errors import ControlError
from emulator.control.operation import Members, Operation
from emulator.control.server import ControlApi
from tests.doubles.control_planes import Apis

Messages = list[dict[str, Any]]


class Small:
    """A plane of a few operations that do as they are told."""

    name = "apigateway"

    def __init__(self) -> None:
        self.at_work, self.most_at_work = 0, 0

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"GetRestApi": self.get, "GetRestApis": self.fail, "CreateRestApi": self.wait, "GetAccount": self.lie}

    async def get(self, asked: Members) -> Members:
        raise ControlError("NotFoundException", asked["restApiId"], 404)

    async def fail(self, asked: Members) -> Members:
        raise RuntimeError("a bug")

    async def lie(self, asked: Members) -> Members:
        return {"surprise": 1}

    async def wait(self, asked: Members) -> Members:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.at_work -= 1
        return {"name": asked["name"]}


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def tell(api: ControlApi, method: str, path: str, messages: Messages, **more: str) -> Messages:
    """What is sent back for a request that arrives in these messages."""
    sent: Messages = []
    arriving = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(arriving)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = {"host": "127.0.0.1:4566", **more}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    bare, _, query = path.partition("?")
    scope = {"method": method, "path": bare, "raw_path": bare.encode(), "query_string": query.encode(), "headers": raw}
    await api(scope, receive, send)
    return sent


def part(body: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def ready(plane: Any = None) -> ControlApi:
    """A plane that has nothing to restore."""
    api = ControlApi([plane or Small()], nothing)
    api.restored.set()
    return api


def ask(method: str, path: str, *messages: dict[str, Any], plane: Any = None) -> tuple[int, Any]:
    start, body = asyncio.run(tell(ready(plane), method, path, list(messages) or [part()]))
    return start["status"], body["body"]


def test_a_refusal_has_its_code_and_status() -> None:
    status, body = ask("GET", "/restapis/abc")
    assert (status, json.loads(body)["message"], json.loads(body)["__type"]) == (404, "abc", "NotFoundException")


@pytest.mark.parametrize("path", ["/restapis", "/account"])
def test_a_bug_is_a_500_and_told_to_the_terminal_only(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, body = ask("GET", path)
    assert (status, json.loads(body)["__type"]) == (500, "InternalFailure")
    assert b"surprise" not in body
    assert b"bug" not in body
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/apikeys", 501), ("GET", "/nothing", 404), ("BREW", "/restapis", 404), ("GET", "", 404)],
)
def test_what_is_not_served_is_said(method: str, path: str, status: int) -> None:
    answered, body = ask(method, path)
    assert (answered, json.loads(body)["__type"]) == (status, "UnknownOperationException")


def test_an_invocation_waits_for_nobody() -> None:
    path = "/2015-03-31/functions/f/invocations"
    assert ask("POST", path) == (418, path.encode())


def test_a_body_may_come_in_pieces() -> None:
    assert ask("POST", "/restapis", part(b'{"na', more=True), part(b'me": "a"}')) == (201, b'{"name":"a"}')


def test_half_a_request_is_none() -> None:
    api = ready()
    messages = [part(b'{"name": "a"}', more=True), {"type": "http.disconnect"}]
    assert asyncio.run(tell(api, "POST", "/restapis", messages)) == []


def test_what_is_too_large_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LARGEST_BODY", 10)
    status, body = ask("POST", "/restapis", part(b"x" * 8, more=True), part(b"x" * 8, more=True), part(b"x"))
    assert status == 413
    assert b"larger" in body
    assert ask("POST", "/restapis", part(b'{"name":1}'))[0] == 400


EITHER = pytest.mark.parametrize("path", ["/restapis", "/2015-03-31/functions/f/invocations"])


def status(path: str, **headers: str) -> int:
    found: int = asyncio.run(tell(ready(), "POST", path, [part(b'{"name": "a"}')], **headers))[0]["status"]
    return found


@EITHER
def test_a_web_page_may_not_ask(path: str) -> None:
    assert status(path, origin="https://a.test") == 403


@EITHER
@pytest.mark.parametrize(
    "host",
    ["a.test", "a.test:4566", "localhost.a.test", "127.0.0.1.a.test", "notlocalhost", "127.0.0.2", "a@localhost", ""],
)
def test_a_web_page_whose_name_leads_here_may_not_ask(path: str, host: str) -> None:
    assert status(path, host=host) == 403


@EITHER
@pytest.mark.parametrize("hosts", [[], [b"localhost", b"a.test"], [b"a.test", b"localhost"]])
def test_who_asks_names_one_host(path: str, hosts: list[bytes]) -> None:
    sent: Messages = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return part()

    asyncio.run(ready()({"path": path, "headers": [(b"host", host) for host in hosts]}, receive, send))
    assert sent[0]["status"] == 403


@EITHER
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:80", "LocalHost", "[::1]", "[::1]:4566", "a.b.localhost:1"])
def test_this_machine_may_ask_by_any_name_of_its_own(path: str, host: str) -> None:
    assert status(path, host=host) in {201, 418}


@EITHER
def test_nothing_is_answered_before_all_is_restored(path: str) -> None:
    api = ControlApi([Small()], nothing)

    async def ask_early() -> int:
        asked = asyncio.create_task(tell(api, "POST", path, [part(b'{"name": "a"}')]))
        await asyncio.wait((asked,), timeout=0)
        assert not asked.done()
        api.restored.set()
        found: int = (await asked)[0]["status"]
        return found

    assert asyncio.run(ask_early()) in {201, 418}


def test_operations_run_one_after_another() -> None:
    small = Small()
    api = ready(small)

    async def all_at_once() -> list[Messages]:
        asked = [tell(api, "POST", "/restapis", [part(b'{"name": "a"}')]) for _ in range(10)]
        return await asyncio.gather(*asked)

    assert [start["status"] for start, _ in asyncio.run(all_at_once())] == [201] * 10
    assert small.most_at_work == 1


def test_an_operation_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apis = Apis(tmp_path)
    api_id = apis.api("/a")
    apis.deploy(api_id)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("emulator.control.kept.put", full)
    for method, path, body in (
        ("POST", "/restapis", b'{"name": "b"}'),
        ("POST", f"/restapis/{api_id}/deployments", b'{"stageName": "t"}'),
        ("PATCH", f"/restapis/{api_id}", b'{"patchOperations": [{"op": "replace", "path": "/name", "value": "c"}]}'),
        ("POST", "/apikeys", b'{"name": "k"}'),
        ("DELETE", f"/restapis/{api_id}/stages/s", b""),
    ):
        assert ask(method, path, part(body), plane=apis.plane)[0] == 500, path
    monkeypatch.undo()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert [row["name"] for row in apis.do("GetRestApis")["items"]] == ["made"]
    assert [row["stageName"] for row in apis.do("GetStages", restApiId=api_id)["item"]] == ["s"]
    assert apis.do("GetApiKeys")["items"] == []
    assert apis.ask("GET", f"/_aws/execute-api/{api_id}/s/a").status == 200
