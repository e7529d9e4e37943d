"""What must not hurt anybody else: requests behind a refused one, clients that leave at any moment, workers that die at any.

Rows: F18, F19 and F20 of the failure modes; RFC 9112, 11.2 (request smuggling).
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas import FunctionConfig, Functions, Outcome
from emulator.lambdas import environment as environments
from emulator.lambdas.environment import Phase
from tests.doubles.served_gateway import PATIENCE_SECONDS, Served
from tests.e2e.local_stack import until
from tests.integration.emulator.test_gateway_http import HOST, REFUSED

LAST = b"GET /open HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
SECOND = b"GET /open HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /open HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = REFUSED | {
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a tab before chunked's colon": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"+1\r\na\r\n0\r\n\r\n",
    "a chunk size in 0x": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\na\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"10000000000000001\r\na\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length in words": POST + b"Content-Length: five\r\n\r\nhello",
    "a length with a space": POST + b"Content-Length: 1 1\r\n\r\nhello",
    "a line before the first": b"GARBAGE\r\n",
    "an empty name": b"GET /open HTTP/1.1\r\n" + HOST + b": b\r\n\r\n",
}

# Refused for what they ask, but there is no doubt where they end.
WHOLE = {
    "absolute form",
    "asterisk form",
    "backslash",
    "dot segments",
    "escaped backslash",
    "escaped slash",
    "fragment",
    "fragment after the query",
    "no host",
    "two authorizations",
    "two hosts",
    "two slashes",
    "underscore",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve for all tests of what is refused."""
    found = Served(tmp_path_factory.mktemp("safety"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve for one test."""
    found = Served(tmp_path)
    found.start()
    yield found
    found.stop()


def _everything(connection: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except (OSError, TimeoutError):
        pass
    return received


@pytest.mark.parametrize("name", sorted(SMUGGLED))
def test_what_stands_behind_a_request_that_was_not_understood_is_never_served(shared: Served, name: str) -> None:
    """Source: RFC 9112, 11.2. Where it is certain that a refused request has ended, the next one is one of its own."""
    shared.functions.events.clear()
    with shared.connect() as connection:
        connection.sendall(SMUGGLED[name] + LAST)
        received = _everything(connection)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert len(shared.functions.events) == received.count(b"HTTP/1.1 200") == (name in WHOLE)
    assert shared.ask("GET", "/nowhere")[0] == 403, "others are served"


def _counts() -> tuple[int, int]:
    """Return how many files are open, and how many threads run."""
    return len([*Path("/proc/self/fd").iterdir()]), len([*Path("/proc/self/task").iterdir()])


def _leave_in_the_handshake(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"\x16\x03\x01")


def _leave_with_an_answer_unread(served: Served) -> None:
    served.functions.handler = lambda _: {"statusCode": 200, "body": "x" * 5_000_000}
    with served.connect() as connection:
        connection.sendall(SECOND * 3)
        assert connection.recv(1_000)


def _leave_after(beginning: bytes) -> Callable[[Served], None]:
    def leave(served: Served) -> None:
        with served.connect() as connection:
            connection.sendall(beginning)

    return leave


def _reset(served: Served) -> None:
    """Leave without a goodbye, by a reset."""
    connection = served.connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.sendall(SECOND)
    connection.close()


LEAVING = {
    "before a word": _leave_after(b""),
    "in the handshake": _leave_in_the_handshake,
    "in the head": _leave_after(b"GET /op"),
    "in the body": _leave_after(POST + b"Content-Length: 10\r\n\r\nabc"),
    "in a chunk": _leave_after(CHUNKED + b"5\r\nab"),
    "while it is answered": _leave_after(SECOND * 5),
    "with an answer unread": _leave_with_an_answer_unread,
    "by a reset": _reset,
}


@pytest.mark.parametrize("phase", sorted(LEAVING))
def test_clients_that_leave_take_nothing_with_them(served: Served, phase: str) -> None:
    assert served.ask("GET", "/open")[0] == 200
    state = served.server.server_state
    until("nobody is connected", lambda: not state.connections)
    before = _counts()
    for _ in range(20):
        LEAVING[phase](served)
    until("nobody is connected", lambda: not (state.connections or state.tasks))
    until("nothing runs", lambda: not served.gateway.integrations.running)
    until("as many files and threads as before", lambda: _counts() <= before)
    served.functions.handler = lambda _: {"statusCode": 200}
    assert served.ask("GET", "/open")[0] == 200


def test_a_handshake_has_the_time_of_a_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F20: whoever opens a connection and does not even begin TLS is cut off as well."""
    monkeypatch.setattr("emulator.server.HEAD_SECONDS", 0.05)
    served = Served(tmp_path)
    served.start()
    try:
        with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
            assert connection.recv(100) == b""
    finally:
        served.stop()


CODE = """
import os, resource, time

if os.path.exists("at_import"):
    exec(open("at_import").read())

def handle(event, context):
    if event.get("wait_for"):
        open(event["wait_for"] + ".begun", "w").close()
        while not os.path.exists(event["wait_for"]):
            time.sleep(0.002)
    if event.get("megabytes"):
        return len(bytearray(event["megabytes"] * 1024 * 1024))
    return {"pid": os.getpid(), "files": resource.getrlimit(resource.RLIMIT_NOFILE)}
"""


@pytest.fixture(params=["awslambdaric", "fast"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> FunctionConfig:
    """A function, in both ways of running it."""
    (tmp_path / "entry.py").write_text(CODE)
    return FunctionConfig("f", "entry.handle", str(tmp_path), 256, 20.0, {}, 2, worker=request.param)


def _play(config: FunctionConfig, scenario: Callable[[Functions], Any]) -> None:
    async def play() -> None:
        functions = Functions([config], watch=False, warm=False)
        await functions.start()
        try:
            await asyncio.wait_for(scenario(functions), 60)
        finally:
            await functions.stop()

    asyncio.run(play())


async def _ask(functions: Functions, payload: bytes = b"{}") -> Outcome:
    return await functions.invoke("f", payload, request_id="r")


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.002)


def test_a_worker_killed_while_it_starts_is_said_and_replaced(config: FunctionConfig) -> None:
    """F18, in the first phase."""

    async def scenario(functions: Functions) -> None:
        asking = asyncio.create_task(_ask(functions))
        pool = functions.pools["f"]
        await _until(lambda: any(one.pid for one in pool.environments))
        (starting,) = pool.environments
        assert starting.phase is Phase.STARTING
        starting.kill()
        outcome = await asking
        assert outcome.error == "Unhandled"
        assert b"signal: SIGKILL" in outcome.payload
        assert (await _ask(functions)).error is None

    _play(config, scenario)


def test_a_worker_killed_while_it_is_idle_is_missed_by_nobody(config: FunctionConfig) -> None:
    async def scenario(functions: Functions) -> None:
        first = await _ask(functions)
        pool = functions.pools["f"]
        (idle,) = pool.environments
        await _until(lambda: idle.phase is Phase.IDLE)
        idle.kill()
        await _until(lambda: idle not in pool.environments)
        again = await _ask(functions)
        assert again.error is None
        assert again.payload != first.payload, "by another process"

    _play(config, scenario)


def test_a_worker_killed_at_work_costs_its_own_event_only(config: FunctionConfig, tmp_path: Path) -> None:
    async def scenario(functions: Functions) -> None:
        gate = tmp_path / "gate"
        one, other = (f'{{"wait_for":"{gate}{n}"}}'.encode() for n in (1, 2))
        killed, spared = asyncio.create_task(_ask(functions, one)), asyncio.create_task(_ask(functions, other))
        await _until(lambda: all(Path(f"{gate}{n}.begun").exists() for n in (1, 2)))
        victim = next(
            environment
            for environment in functions.pools["f"].environments
            if environment._current is not None and environment._current.payload == one
        )
        victim.kill()
        assert (await killed).error == "Unhandled"
        await asyncio.to_thread(Path(f"{gate}2").touch)
        assert (await spared).error is None
        assert (await _ask(functions)).error is None

    _play(config, scenario)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("while True: pass", b"Init timed out"),
        ("time.sleep(3600)", b"Init timed out"),
        ("bytearray(1 << 30)", b"MemoryError"),
        ("os._exit(5)", b"exit status 5"),
        ("raise SystemExit(4)", b"exit status 4"),
    ],
)
def test_code_that_cannot_be_imported_is_ended_and_the_parent_lives(
    config: FunctionConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, word: bytes
) -> None:
    """F19, before the first event: endless loops, memory bombs, and whoever ends itself."""
    monkeypatch.setattr(environments, "INIT_SECONDS", 3.0)
    (tmp_path / "at_import").write_text(code)

    async def scenario(functions: Functions) -> None:
        outcome = await _ask(functions)
        assert outcome.error == "Unhandled"
        assert word in outcome.payload, outcome.payload
        (tmp_path / "at_import").unlink()
        assert (await _ask(functions)).error is None

    _play(config, scenario)


def test_a_memory_bomb_is_ended_at_its_limit(config: FunctionConfig) -> None:
    async def scenario(functions: Functions) -> None:
        outcome = await _ask(functions, b'{"megabytes":1024}')
        assert b"Runtime.OutOfMemory" in outcome.payload
        assert (await _ask(functions)).error is None

    _play(config, scenario)


def test_a_worker_may_open_as_many_files_as_on_lambda(config: FunctionConfig) -> None:
    """Source: AWS Lambda developer guide, "Lambda quotas": 1,024 file descriptors."""

    async def scenario(functions: Functions) -> None:
        assert b'"files": [1024, 1024]' in (await _ask(functions)).payload

    _play(config, scenario)
