"""A real stack on this machine for a test: started by the command a developer uses, watched, and ended in every way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from infra.local.api_client import Api
from infra.local.children import dying_with_us
from infra.local.engines import ROOT, free_port
from infra.local.seed import Sandbox, read_sandbox

READY_SECONDS = 60.0
"""Generous: several stacks may start on the same two cores."""

PATIENCE_SECONDS = 10.0
READY_TEXT = "Tollgate is ready at"


def until(what: str, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a fact that another process brings about; never longer than told."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


@dataclass(slots=True)
class LocalStack:
    """One `make run`, or another command that serves the platform; `folder` holds all of it, so that nothing of the developer's is touched."""

    folder: Path
    engine: str = "auto"
    port: int = 0
    module: str = "infra.local.run"
    ready_seconds: float = READY_SECONDS
    process: "subprocess.Popen[bytes] | None" = None
    family: list[psutil.Process] = field(default_factory=list)

    @property
    def local(self) -> Path:
        return self.folder / "local"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        """Everything the last start wrote."""
        return (self.folder / "run.log").read_text(errors="replace")

    @property
    def sandbox(self) -> Sandbox:
        return read_sandbox(self.local / "sandbox.json")

    def api(self) -> Api:
        """Return a client of the sandbox with a token."""
        return self.sandbox.api().login()

    def start(self, more: Mapping[str, str] | None = None) -> "LocalStack":
        """Start and wait until it is ready; the port stays the same over restarts."""
        self.begin(more)
        until(
            "the stack is ready:\n" + str(self.folder), lambda: self.ended or READY_TEXT in self.log, self.ready_seconds
        )
        assert not self.ended, self.log
        self.family = self.members()
        return self

    def begin(self, more: Mapping[str, str] | None = None) -> None:
        """Start without waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        places = {"PORT": str(self.port), "DATA": str(self.data), "LOCAL": str(self.local), "ENGINE": self.engine}
        with (self.folder / "run.log").open("wb") as output:
            self.process = subprocess.Popen(
                dying_with_us([sys.executable, "-m", self.module]),
                cwd=ROOT,
                env={**clean_environment(), **places, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def members(self) -> list[psutil.Process]:
        """Return the supervisor and everything that descends from it now."""
        assert self.process is not None
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def child(self, part: str) -> psutil.Process:
        """Return the child of the supervisor whose command line holds `part`."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if any(part in word for word in child.cmdline()))

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the supervisor alone; return its exit code once it has ended."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def kill_all(self) -> None:
        """SIGKILL to every process at once."""
        for member in self.members():
            member.kill()
        self.wait_gone()

    def wait_gone(self) -> None:
        """Wait until no process of the family is left, and nobody listens.

        A worker that was being started when its emulator was killed has the port until it finds itself alone.
        """
        assert self.process is not None
        self.process.wait(PATIENCE_SECONDS)
        until("every process has ended", lambda: not alive(self.family))
        until("nobody listens", lambda: not _accepts(self.port))

    def stop(self) -> None:
        """End it at the end of a test, whatever the test did to it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE_SECONDS)
        for member in alive(self.family):
            member.kill()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Return those still running; a number that was given to another process does not count."""
    return [member for member in family if member.is_running() and _state(member) != psutil.STATUS_ZOMBIE]


def _state(member: psutil.Process) -> str:
    try:
        state: str = member.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE
    return state


def clean_environment() -> dict[str, str]:
    """Return our environment without what would point the stack to another place."""
    foreign = (
        "AWS_",
        "PORT",
        "DATA",
        "ENGINE",
        "LOCAL",
        "DYNAMO_CLIENT",
        "WORKER",
        "ENDPOINT",
        "FUNCTIONS",
        "MAKE",
        "MFLAGS",
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def functions_environment(stack: LocalStack) -> dict[str, str]:
    """Return what the functions of a stack are given: where its tables and services are."""
    rows: list[dict[str, Any]] = json.loads((stack.data / "functions.json").read_text())["functions"]
    environment: dict[str, str] = rows[0]["environment"]
    return environment
