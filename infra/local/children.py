"""The processes of a local stack: started in order, watched, and stopped in the opposite order."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.local.engines import ROOT
from infra.local.finding import Finding

STOP_SECONDS: Final = 4.5
"""All children together; what is still there then is killed."""

_GATEWAY_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.02


class ChildEnded(Finding):
    """A child ended by itself: the stack is not whole any more."""


@dataclass(slots=True)
class Children:
    """What is running, in the order it was started."""

    running: list[tuple[str, "subprocess.Popen[bytes]"]] = field(default_factory=list)

    def add(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Watch a process that somebody else started."""
        self.running.append((name, process))

    def start(self, name: str, command: Sequence[str], log: Path | None = None) -> None:
        """Start a command in a session of its own: Ctrl-C reaches only us, and we stop it in order.

        What it says goes where ours goes, or to `log`.
        """
        output = log.open("ab") if log else None
        try:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                dying_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        self.add(name, process)

    def check(self) -> None:
        """Raise ChildEnded if one of them is gone."""
        for name, process in self.running:
            if process.poll() is not None:
                raise ChildEnded(f"{name} ended by itself (exit {process.returncode})")

    def stop(self) -> None:
        """End all of them: the last started (the gateway) first, so that its requests can finish."""
        deadline = time.monotonic() + STOP_SECONDS
        if self.running:
            _, gateway = self.running[-1]
            gateway.terminate()
            _wait(gateway, time.monotonic() + _GATEWAY_SECONDS)
        for _, process in self.running:
            process.terminate()
        for _, process in reversed(self.running):
            if not _wait(process, deadline):
                process.kill()
                process.wait()
        self.running.clear()


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return the command, wrapped so that the process ends when we do, however we end."""
    return [sys.executable, str(Path(__file__).with_name("child.py")), str(os.getpid()), *command]


def _wait(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    while process.poll() is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
