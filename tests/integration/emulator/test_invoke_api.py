"""Functions that invoke functions, with boto3 through the Lambda API of this machine.

Sources: Lambda API: Invoke; AWS Lambda developer guide: invocation-async.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.clock import Clock
from emulator.lambdas import FunctionConfig, Functions
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.invoke_api import ASYNCHRONOUS_BYTES, InvokeApi, InvokeServer, bound

CODE = """
import json, os, tempfile

def outer(event, context):
    import boto3
    inner = boto3.client("lambda").invoke(FunctionName="inner", Payload=json.dumps(event))
    return {"inner": json.loads(inner["Payload"].read()), "error": inner.get("FunctionError")}

def inner(event, context):
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("note"):
        with open(event["note"], "a") as file:
            file.write(json.dumps(event) + "\\n")
    return {"got": event, "arn": context.invoked_function_arn}

def flaky(event, context):
    with open(event["note"], "a") as file:
        file.write(context.aws_request_id + "\\n")
    if len(open(event["note"]).readlines()) < event["works_at"]:
        raise ValueError("not yet")
    return "done"

def destination(event, context):
    with open(os.environ["RECORDS"], "a") as file:
        file.write(json.dumps(event) + "\\n")

def hungry(event, context):
    return len(bytearray(event["megabytes"] * 1024 * 1024))

def folder(event, context):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return file.name
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
PATIENCE_SECONDS = 60

Scenario = Callable[[Any, Asynchronous], Awaitable[None]]
Settings = dict[str, dict[str, Any]]


def _play(folder: Path, scenario: Scenario, settings: Settings | None = None, *, concurrency: int = 1_000) -> None:
    """Play a scenario with a client of the API, in threads as boto3 wants it."""
    (folder / "code").mkdir()
    (folder / "code" / "entry.py").write_text(CODE)

    async def play() -> None:
        with bound() as listener:
            endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
            functions = Functions(
                _configs(folder, endpoint, settings or {}), watch=False, warm=False, concurrency=concurrency
            )
            asynchronous = Asynchronous(functions, Clock(), wait=lambda _: asyncio.sleep(0))
            server = InvokeServer(InvokeApi(functions, asynchronous), listener)
            await functions.start()
            serving = asyncio.create_task(server.run_until_stopped())
            try:
                await scenario(_client(endpoint), asynchronous)
            finally:
                server.should_exit = server.force_exit = True
                await serving
                await asynchronous.stop()
                await functions.stop()

    asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))


def _configs(folder: Path, endpoint: str, settings: Settings) -> list[FunctionConfig]:
    environment = {"AWS_ENDPOINT_URL_LAMBDA": endpoint, "RECORDS": str(folder / "records"), **CREDENTIALS}
    names = ("outer", "inner", "flaky", "destination", "hungry", "folder")
    code = str(folder / "code")
    return [
        FunctionConfig(name, f"entry.{name}", code, 256, 30.0, environment, **settings.get(name, {})) for name in names
    ]


def _client(endpoint: str) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


async def _invoke(client: Any, name: str, payload: Any, **more: Any) -> tuple[dict[str, Any], Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    answer = await asyncio.to_thread(client.invoke, FunctionName=name, Payload=body, **more)
    read = await asyncio.to_thread(answer["Payload"].read)
    return answer, json.loads(read) if read else None


def _records(folder: Path) -> list[dict[str, Any]]:
    file = folder / "records"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_from_function_to_function(tmp_path: Path) -> None:
    async def scenario(client: Any, _asynchronous: Asynchronous) -> None:
        answer, said = await _invoke(client, "outer", {"text": "hi €"})
        assert (answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer) == (200, "$LATEST", False)
        assert said["inner"]["got"] == {"text": "hi €"}
        failed = (await _invoke(client, "outer", {"raise": "broken"}))[1]
        assert failed["error"] == "Unhandled"
        assert failed["inner"]["errorMessage"] == "broken"

    _play(tmp_path, scenario)


@pytest.mark.parametrize(
    "name",
    [
        "inner",
        "inner:$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:inner",
        "arn:aws:lambda:us-east-1:123456789012:function:inner:live",
        "123456789012:function:inner",
    ],
)
def test_a_function_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    async def scenario(client: Any, _: Asynchronous) -> None:
        assert (await _invoke(client, name, {}))[1]["arn"].endswith(":function:inner")

    _play(tmp_path, scenario)


REFUSED: list[tuple[str, bytes, dict[str, str], str, int]] = [
    ("none", b"{}", {}, "ResourceNotFoundException", 404),
    ("inner", b"{", {}, "InvalidRequestContentException", 400),
    ("inner", b'"' + b"x" * ASYNCHRONOUS_BYTES + b'"', {"InvocationType": "Event"}, "RequestTooLargeException", 413),
    ("inner", b"{}", {"InvocationType": "Sometimes"}, "InvalidParameterValueException", 400),
]


@pytest.mark.parametrize(("name", "payload", "more", "code", "status"), REFUSED, ids=[row[3] for row in REFUSED])
def test_refusals_are_lambdas_own(
    tmp_path: Path, name: str, payload: bytes, more: dict[str, str], code: str, status: int
) -> None:
    async def scenario(client: Any, _: Asynchronous) -> None:
        with pytest.raises(ClientError) as refused:
            await _invoke(client, name, payload, **more)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status

    _play(tmp_path, scenario)


@pytest.mark.parametrize("settings", [{"inner": {"reserved_concurrency": 0}}, {"outer": {"reserved_concurrency": 2}}])
def test_concurrency_is_refused_with_429(tmp_path: Path, settings: Settings) -> None:
    """Reserved for itself, and what others have reserved (2 of 2) is not there for the rest."""

    async def scenario(client: Any, _: Asynchronous) -> None:
        with pytest.raises(ClientError) as refused:
            await _invoke(client, "inner", {})
        assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429

    _play(tmp_path, scenario, settings, concurrency=2)


def test_an_event_is_accepted_and_run_later(tmp_path: Path) -> None:
    note = tmp_path / "note"

    async def scenario(client: Any, asynchronous: Asynchronous) -> None:
        answer, said = await _invoke(client, "inner", {"note": str(note)}, InvocationType="Event")
        assert (answer["StatusCode"], said) == (202, None)
        await asynchronous.settled()
        assert (await _invoke(client, "inner", {"note": str(note)}, InvocationType="DryRun"))[0]["StatusCode"] == 204

    _play(tmp_path, scenario)
    (line,) = note.read_text().splitlines()
    assert json.loads(line) == {"note": str(note)}


@pytest.mark.parametrize(
    ("works_at", "attempts", "condition"),
    [(1, 1, "Success"), (3, 3, "Success"), (4, 3, "RetriesExhausted")],
)
def test_an_event_is_tried_three_times_and_its_record_sent(
    tmp_path: Path, works_at: int, attempts: int, condition: str
) -> None:
    async def scenario(client: Any, asynchronous: Asynchronous) -> None:
        event = {"note": str(tmp_path / "note"), "works_at": works_at}
        await _invoke(client, "flaky", event, InvocationType="Event")
        await asynchronous.settled()
        ids = (tmp_path / "note").read_text().splitlines()
        assert (len(ids), len(set(ids))) == (attempts, 1)
        (record,) = _records(tmp_path)
        assert record["requestContext"] == {
            "requestId": ids[0],
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:flaky:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts,
        }
        assert record["requestPayload"] == event
        failed = condition != "Success"
        assert record["responseContext"].get("functionError") == ("Unhandled" if failed else None)
        assert record["responsePayload"]["errorMessage"] == "not yet" if failed else record["responsePayload"] == "done"

    settings = {"flaky": {"on_success": "destination", "on_failure": "destination"}}
    _play(tmp_path, scenario, settings)


def test_an_event_that_finds_no_room_grows_old(tmp_path: Path) -> None:
    async def scenario(client: Any, asynchronous: Asynchronous) -> None:
        await _invoke(client, "inner", {}, InvocationType="Event")
        await asynchronous.settled()
        (record,) = _records(tmp_path)
        context = record["requestContext"]
        assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 0)
        assert record["responsePayload"] is None

    inner = {"reserved_concurrency": 0, "maximum_event_age_seconds": 0, "on_failure": "destination"}
    _play(tmp_path, scenario, {"inner": inner})


def test_memory_has_a_limit_and_who_meets_it_is_replaced(tmp_path: Path) -> None:
    async def scenario(client: Any, _: Asynchronous) -> None:
        assert (await _invoke(client, "hungry", {"megabytes": 16}))[1] == 16 * 1024 * 1024
        answer, said = await _invoke(client, "hungry", {"megabytes": 512})
        assert answer["FunctionError"] == "Unhandled"
        assert said["errorType"] == "Runtime.OutOfMemory"
        assert "signal: killed" in said["errorMessage"]
        assert (await _invoke(client, "hungry", {"megabytes": 16}))[1] == 16 * 1024 * 1024

    _play(tmp_path, scenario)


def test_temporary_files_are_an_environments_own_and_go_with_it(tmp_path: Path) -> None:
    seen: list[Path] = []

    async def scenario(client: Any, _: Asynchronous) -> None:
        found = [(await _invoke(client, "folder", {}))[1] for _ in range(2)]
        seen.extend(Path(file) for file in found)
        assert seen[0].parent == seen[1].parent, "one environment, reused"
        assert all(file.exists() for file in seen)

    _play(tmp_path, scenario)
    assert not any(file.parent.exists() for file in seen)
