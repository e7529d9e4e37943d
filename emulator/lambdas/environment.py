"""One execution environment: a process that runs one function, one event at a time.

starting --next--> idle --event--> busy --answer, next--> idle
|               |                |
+---------------+----------------+--exit, timeout, stop--> dead
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.lambdas.config import FunctionConfig, Invocation, Outcome
from emulator.lambdas.fast_api import FastConnection
from emulator.lambdas.output import printing
from emulator.lambdas.runtime_api import RuntimeConnection

INIT_SECONDS = 10.0
"""Lambda gives the init phase ten seconds."""

STOP_SECONDS = 1.0
"""How long a worker may take to end by itself before it is killed."""

OUT_OF_MEMORY = b'"errorType": "MemoryError"'
"""What the runtime client reports of a function that asked for more than it has."""

_WORKER = Path(__file__).with_name("worker.py")
_INHERITED = ("PATH", "LANG", "LC_ALL", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "COVERAGE_PROCESS_START")


class Phase(Enum):
    """Where an environment stands."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    DEAD = "dead"


class Environment:
    """A worker process and its Runtime API; tells its pool when it is idle and when it is dead."""

    def __init__(
        self,
        config: FunctionConfig,
        clock: Clock,
        *,
        on_idle: Callable[[Environment], None],
        on_dead: Callable[[Environment, Outcome], None],
    ) -> None:
        self.config = config
        self.phase = Phase.STARTING
        self.retired = False
        self.served = False
        self.idle_since_ms = 0
        self.pid: int | None = None
        self._clock = clock
        self._on_idle = on_idle
        self._on_dead = on_dead
        self._waiting: RuntimeConnection | FastConnection | None = None
        self._connections: list[RuntimeConnection | FastConnection] = []
        self._current: Invocation | None = None
        self._began_ms = 0
        self._cold = True
        self._verdict: Outcome | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._life: asyncio.Task[None] | None = None

    @property
    def request_id(self) -> str:
        """The event being worked on, for the lines the function prints."""
        return self._current.request_id if self._current else "-"

    def start(self) -> None:
        """Start the process; what becomes of it is told by the callbacks."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    def deliver(self, invocation: Invocation) -> None:
        """Hand an event to the worker, which is waiting for one."""
        assert self.phase is Phase.IDLE
        assert self._waiting is not None
        self.phase, self._current = Phase.BUSY, invocation
        connection, self._waiting = self._waiting, None
        self._began_ms = self._clock.steady()
        seconds = self.config.timeout_seconds
        self._set_timer(seconds, f"Task timed out after {seconds:.2f} seconds")
        connection.give(invocation, self._clock.wall() + int(seconds * 1_000), self.config.arn)

    def on_next(self, connection: RuntimeConnection | FastConnection) -> None:
        """The worker asks for an event: it is free."""
        if self.phase is Phase.DEAD:
            return
        self._waiting = connection
        if self._current is None:
            self._clear_timer()
            self.served = True
            self.phase, self.idle_since_ms = Phase.IDLE, self._clock.steady()
            self._on_idle(self)

    def on_response(self, request_id: str, payload: bytes) -> None:
        """The function returned."""
        self._finish(request_id, payload, failed=False)

    def on_error(self, request_id: str, payload: bytes) -> None:
        """The function raised, or could not be loaded (request id `init`)."""
        if self._current is None:
            self._verdict = Outcome(payload, "Unhandled", cold=True)
        elif OUT_OF_MEMORY in payload:  # Lambda leaves no process that has met its limit
            text = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            self._verdict = Outcome(_error("Runtime.OutOfMemory", text), "Unhandled")
            self.kill()
        else:
            self._finish(request_id, payload, failed=True)

    def on_too_large(self, request_id: str, size: int) -> None:
        """The function returned more than Lambda carries."""
        message = f"Response payload size exceeded maximum allowed payload size ({size} bytes)."
        self._finish(request_id, _error("Function.ResponseSizeTooLarge", message), failed=True)

    def kill(self) -> None:
        """End the process group at once."""
        if self.pid is not None and self.phase is not Phase.DEAD:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Let the worker end, and kill it if it takes too long."""
        if self._life is None:
            return
        if self.pid is not None and self.phase is not Phase.DEAD:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
        done, _ = await asyncio.wait((self._life,), timeout=STOP_SECONDS)
        if not done:
            self.kill()
            await asyncio.wait((self._life,))

    def _finish(self, request_id: str, payload: bytes, *, failed: bool) -> None:
        current = self._current
        if current is None or current.request_id != request_id:
            return
        self._clear_timer()
        duration_ms = float(self._clock.steady() - self._began_ms)
        current.finish(Outcome(payload, "Unhandled" if failed else None, duration_ms, self._cold))
        self._current, self._cold = None, False

    async def _live(self) -> None:
        """Run the process from its first to its last moment."""
        try:
            code = await self._run()
        except OSError as error:  # no process or no port to be had: said to who waits, and tried again by the next
            self._verdict = Outcome(_error("Sandbox.StartFailed", str(error)), "Unhandled")
            code = 1
        self._end(code)

    async def _run(self) -> int:
        """Run the process and its Runtime API; return how it ended."""
        loop = asyncio.get_running_loop()
        folder = tempfile.mkdtemp(prefix=f"{self.config.name}-")
        server = await loop.create_server(self._accept, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ours, theirs = socket.socketpair()
        await loop.create_unix_connection(self._accept_fast, sock=ours)
        try:
            async with printing(self) as output:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    str(_WORKER),
                    cwd=self.config.code_root,
                    env={**self._variables(address), "TMPDIR": folder, "TOLLGATE_SOCKET": str(theirs.fileno())},
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
                self.pid = process.pid
                theirs.close()
                self._set_timer(INIT_SECONDS, f"Init timed out after {INIT_SECONDS:.0f} seconds")
                code = await process.wait()
                with suppress(ProcessLookupError, PermissionError):  # what it started ends with it
                    os.killpg(self.pid, signal.SIGKILL)
        finally:
            theirs.close()
            server.close()
            for connection in self._connections:
                connection.close()
            shutil.rmtree(folder, ignore_errors=True)
        return code

    def _end(self, code: int) -> None:
        self._clear_timer()
        self.phase = Phase.DEAD
        verdict = self._verdict or Outcome(_exit_error(self.request_id, code), "Unhandled")
        current, self._current = self._current, None
        if current is not None:
            current.finish(verdict)
        self._on_dead(self, verdict)

    def _accept(self) -> RuntimeConnection:
        connection = RuntimeConnection(self)
        self._connections.append(connection)
        return connection

    def _accept_fast(self) -> FastConnection:
        connection = FastConnection(self)
        self._connections.append(connection)
        return connection

    def _set_timer(self, seconds: float, message: str) -> None:
        self._clear_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire, message)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, message: str) -> None:
        text = f"RequestId: {self.request_id} Error: {message}"
        self._verdict = Outcome(_error("Sandbox.Timedout", text), "Unhandled")
        self.kill()

    def _variables(self, address: str) -> Mapping[str, str]:
        """The environment of a function: its own, what Lambda sets, and little else of ours."""
        config = self.config
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.config.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            "LAMBDA_TASK_ROOT": config.code_root,
            "_HANDLER": config.handler,
            "TZ": ":UTC",
            "TOLLGATE_EMULATOR_PID": str(os.getpid()),
            "TOLLGATE_WORKER": config.worker,
        }
        return {**inherited, **config.environment, **lambdas}


def _error(kind: str, message: str) -> bytes:
    return orjson.dumps({"errorType": kind, "errorMessage": message})


def _exit_error(request_id: str, code: int) -> bytes:
    """Word an exit as Lambda does."""
    how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    return _error("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {how}")
