"""Functions by the real runtime client. Source: Lambda developer guide, lambda-runtime-environment, runtimes-api."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas import FunctionConfig, Functions, Outcome, TooManyRequests, UnknownFunction
from emulator.lambdas.config import MAXIMUM_PAYLOAD_BYTES

HANDLER = """
import os, signal, sys, time
from decimal import Decimal
from chalice import Blueprint

blueprint = Blueprint(__name__)

@blueprint.lambda_function(name="echo")
def handle(event, context):
    do = event.get("do")
    if do == "exit":
        os._exit(3)
    if do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "raise":
        raise ValueError("the text of an exception")
    if do == "loop":
        while True:
            pass
    if do == "return":
        return eval(event["value"], {"Decimal": Decimal})
    if do == "big":
        return "x" * event["bytes"]
    if do == "meet":  # returns once as many are here as were told
        os.makedirs(event["at"], exist_ok=True)
        open(os.path.join(event["at"], str(os.getpid())), "w").close()
        while len(os.listdir(event["at"])) < event["count"]:
            time.sleep(0.005)
    return {
        "pid": os.getpid(),
        "echo": event.get("text"),
        "left_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "environment": dict(os.environ),
    }
"""
PATIENCE_SECONDS = 30
"""How long a test may wait for something that has to happen; nothing asserts on it."""

Scenario = Callable[[Functions], Awaitable[None]]


@pytest.fixture(params=["awslambdaric", "fast"])
def code(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of code that is called as the worker that shall run it."""
    folder = tmp_path / str(request.param)
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "entry.py").write_text(HANDLER)
    return folder


def _config(code: Path, **more: Any) -> FunctionConfig:
    values: dict[str, Any] = {
        "name": "echo",
        "handler": "shop.entry.handle",
        "code_root": str(code),
        "memory_mb": 256,
        "timeout_seconds": 20.0,
        "environment": {"GREETING": "hello"},
        "max_environments": 2,
        "worker": code.name,
    }
    return FunctionConfig(**{**values, **more})


def _run(config: FunctionConfig, scenario: Scenario, *, watch: bool = False) -> None:
    """Play a scenario and see that no process outlives it."""

    async def play() -> list[int]:
        functions = Functions([config], watch=watch, warm=False)
        await functions.start()
        try:
            await asyncio.wait_for(scenario(functions), PATIENCE_SECONDS)
        finally:
            pids = functions.pids()
            await functions.stop()
        return pids

    for pid in asyncio.run(play()):
        assert not Path(f"/proc/{pid}").exists() or not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _call(functions: Functions, request_id: str = "r-1", **event: Any) -> Outcome:
    return await functions.invoke("echo", json.dumps(event).encode(), request_id=request_id)


def _json(outcome: Outcome) -> Any:
    return json.loads(outcome.payload)


def test_a_function_gets_its_event_its_context_and_its_environment(code: Path) -> None:
    async def scenario(functions: Functions) -> None:
        os.environ["NOT_FOR_FUNCTIONS"] = "1"
        outcome = await _call(functions, request_id="abc-1", text="hi €")
        answer = _json(outcome)
        assert outcome.error is None
        assert outcome.cold
        assert answer["echo"] == "hi €"
        assert answer["request_id"] == "abc-1"
        assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:echo"
        assert answer["memory"] == "256"
        assert 0 < answer["left_ms"] <= 20_000
        environment = answer["environment"]
        assert environment["GREETING"] == "hello"
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
        assert environment["LAMBDA_TASK_ROOT"] == str(code)
        assert "NOT_FOR_FUNCTIONS" not in environment

    _run(_config(code), scenario)


def test_an_environment_is_reused_while_it_is_warm(code: Path) -> None:
    async def scenario(functions: Functions) -> None:
        outcomes = [await _call(functions) for _ in range(5)]
        assert len({_json(outcome)["pid"] for outcome in outcomes}) == 1
        assert [outcome.cold for outcome in outcomes] == [True, False, False, False, False]

    _run(_config(code), scenario)


def test_one_event_at_a_time_and_no_more_environments_than_allowed(code: Path, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        meeting = [_call(functions, do="meet", at=str(tmp_path / "met"), count=2) for _ in range(2)]
        rest = [_call(functions, request_id=f"r-{n}") for n in range(20)]
        outcomes = await asyncio.gather(*meeting, *rest)
        assert all(outcome.error is None for outcome in outcomes)
        assert len({_json(outcome)["pid"] for outcome in outcomes}) == 2
        assert len(functions.pids()) == 2

    _run(_config(code), scenario)


@pytest.mark.parametrize(
    ("do", "kind", "word"),
    [("exit", "Runtime.ExitError", "exit status 3"), ("kill", "Runtime.ExitError", "SIGKILL")],
)
def test_a_crash_is_answered_and_replaced(code: Path, do: str, kind: str, word: str) -> None:
    async def scenario(functions: Functions) -> None:
        first = _json(await _call(functions))["pid"]
        crash = await _call(functions, request_id="r-crash", do=do)
        assert crash.error == "Unhandled"
        assert _json(crash)["errorType"] == kind
        assert word in _json(crash)["errorMessage"]
        assert "r-crash" in _json(crash)["errorMessage"]
        after = await _call(functions)
        assert after.error is None
        assert _json(after)["pid"] != first

    _run(_config(code), scenario)


def test_a_crash_leaves_the_others_alone(code: Path, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        at = tmp_path / "met"
        waiting = asyncio.ensure_future(_call(functions, do="meet", at=str(at), count=2))
        crash = await _call(functions, do="exit")
        assert crash.error == "Unhandled"
        assert not waiting.done()
        at.mkdir(exist_ok=True)
        (at / "released").touch()
        assert (await waiting).error is None

    _run(_config(code), scenario)


ANSWERS = (
    "None",
    "'x € \\ud83d\\ude00'",
    "{'a': [1, 2.5, True], 'b': Decimal('1.10')}",
    "float('nan')",
    "b'raw bytes'",
    "object()",
    "{(1, 2): 3}",
    "1 / 0",
)


def test_both_workers_answer_with_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(HANDLER)
    answered: dict[str, list[tuple[bytes, str | None]]] = {}

    async def scenario(functions: Functions) -> None:
        outcomes = [await _call(functions, do="return", value=value) for value in ANSWERS]
        worker = functions.pools["echo"].config.worker
        answered[worker] = [(outcome.payload, outcome.error) for outcome in outcomes]

    for worker in ("awslambdaric", "fast"):
        _run(_config(tmp_path, handler="shop.handle", worker=worker), scenario)
    assert answered["fast"] == answered["awslambdaric"]
    assert {error for _, error in answered["fast"]} == {None, "Unhandled"}


def test_an_exception_is_reported_as_lambda_reports_it(code: Path) -> None:
    async def scenario(functions: Functions) -> None:
        outcome = await _call(functions, do="raise")
        assert outcome.error == "Unhandled"
        assert _json(outcome)["errorType"] == "ValueError"
        assert (await _call(functions)).error is None

    _run(_config(code), scenario)


def test_a_timeout_kills_the_environment(code: Path) -> None:
    async def scenario(functions: Functions) -> None:
        pid = _json(await _call(functions))["pid"]
        outcome = await _call(functions, do="loop")
        assert outcome.error == "Unhandled"
        assert "Task timed out after 1.00 seconds" in _json(outcome)["errorMessage"]
        assert not _alive(pid)
        assert _json(await _call(functions))["pid"] != pid

    _run(_config(code, timeout_seconds=1.0), scenario)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("shop.missing.handle", "Runtime.ImportModuleError"),
        ("shop.entry.nothing", "Runtime.HandlerNotFound"),
        ("shop.broken.handle", "Runtime.UserCodeSyntaxError"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(code: Path, handler: str, kind: str) -> None:
    (code / "shop" / "broken.py").write_text("def handle(:\n")

    async def scenario(functions: Functions) -> None:
        for _ in range(2):
            outcome = await _call(functions)
            assert outcome.error == "Unhandled"
            assert _json(outcome)["errorType"] == kind

    _run(_config(code, handler=handler), scenario)


def test_payloads_up_to_six_megabytes_pass_both_ways(code: Path) -> None:
    text = "x" * (MAXIMUM_PAYLOAD_BYTES - 20_000)

    async def scenario(functions: Functions) -> None:
        outcome = await _call(functions, text=text)
        assert _json(outcome)["echo"] == text
        assert (await _call(functions, text=text + text)).error == "Unhandled"
        large = await _call(functions, do="big", bytes=MAXIMUM_PAYLOAD_BYTES)
        assert _json(large)["errorType"] == "Function.ResponseSizeTooLarge"
        assert (await _call(functions)).error is None

    _run(_config(code), scenario)


def test_a_caller_that_leaves_does_not_stop_the_function(code: Path, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        pid = _json(await _call(functions))["pid"]
        at = tmp_path / "met"
        call = asyncio.ensure_future(_call(functions, do="meet", at=str(at), count=2))
        while not at.exists() or not list(at.iterdir()):
            await asyncio.sleep(0)
        call.cancel()
        (at / "released").touch()
        assert _json(await _call(functions))["pid"] == pid, "it ran to its end and is used again"

    _run(_config(code, max_environments=1), scenario)


def test_an_edit_is_picked_up_and_events_in_flight_finish(code: Path, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        at = tmp_path / "met"
        old = asyncio.ensure_future(_call(functions, do="meet", at=str(at), count=2))
        while not at.exists() or not list(at.iterdir()):
            await asyncio.sleep(0.01)
        (code / "shop" / "entry.py").write_text("def handle(event, context):\n    return 'edited'\n")
        while _json(await _call(functions)) != "edited":
            pass
        (at / "released").touch()
        assert _json(await old)["pid"]

    _run(_config(code), scenario, watch=True)


def test_unknown_functions_and_full_queues_are_refused(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.lambdas.pool.LONGEST_QUEUE", 2)

    async def scenario(functions: Functions) -> None:
        with pytest.raises(UnknownFunction):
            await functions.invoke("nobody", b"{}", request_id="r")
        at = tmp_path / "met"
        busy = asyncio.ensure_future(_call(functions, do="meet", at=str(at), count=2))
        while not at.exists() or not list(at.iterdir()):
            await asyncio.sleep(0)
        queued = [asyncio.ensure_future(_call(functions)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await _call(functions)
        (at / "released").touch()
        assert all(outcome.error is None for outcome in await asyncio.gather(busy, *queued))

    _run(_config(code, max_environments=1), scenario)


def test_idle_environments_are_recycled(code: Path) -> None:
    async def scenario(functions: Functions) -> None:
        pid = _json(await _call(functions))["pid"]
        pool = functions.pools["echo"]
        while not pool.has_idle:
            await asyncio.sleep(0)
        pool.recycle(idle_seconds=3_600)
        assert functions.pids() == [pid]
        pool.recycle(idle_seconds=-1)
        while functions.pids():
            await asyncio.sleep(0)
        assert not _alive(pid)

    _run(_config(code), scenario)


def test_a_worker_that_cannot_be_started_is_said_and_the_next_one_is_tried(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn, refused = asyncio.create_subprocess_exec, list[int]()

    async def scarce(*args: Any, **more: Any) -> Any:
        if not refused and str(args[1]).endswith("worker.py"):
            refused.append(1)
            raise OSError(11, "Resource temporarily unavailable")
        return await spawn(*args, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", scarce)

    async def scenario(functions: Functions) -> None:
        failed = await _call(functions)
        assert _json(failed)["errorType"] == "Sandbox.StartFailed"
        assert (await _call(functions)).error is None

    _run(_config(code, max_environments=1), scenario)


def test_stopping_starts_nobody(code: Path, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        at = tmp_path / "met"
        calls = [asyncio.ensure_future(_call(functions, do="meet", at=str(at), count=9)) for _ in range(6)]
        while not at.exists() or len(list(at.iterdir())) < 2:
            await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await functions.stop()
        assert not functions.pids()

    _run(_config(code), scenario)


def test_what_a_crashed_worker_started_ends_with_it(code: Path, tmp_path: Path) -> None:
    (code / "shop" / "entry.py").write_text(
        "import os, subprocess\n\n"
        "def handle(event, context):\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    open(event['file'], 'w').write(str(child.pid))\n"
        "    os._exit(3)\n"
    )

    async def scenario(functions: Functions) -> None:
        file = tmp_path / "child"
        outcome = await _call(functions, file=str(file))
        assert b"Runtime exited with error: exit status 3" in outcome.payload, "not by its time running out"
        child = int(file.read_text())
        while _runs(child):
            await asyncio.sleep(0.01)

    _run(_config(code), scenario)


def _runs(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
