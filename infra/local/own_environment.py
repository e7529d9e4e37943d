"""A virtual environment of its own for a tool whose packages must never meet ours, made once by pip from pins."""

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.finding import Finding

INSTALL_SECONDS: Final = 120.0
_FOLDER_CHARACTERS: Final = 8

# Without the network pip says so after some seconds instead of trying for minutes.
_PIP: Final = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--timeout", "5", "--retries", "1")


class NotInstalled(Finding):
    """The packages cannot be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """The environment of `tool`, with what the file of pins names and nothing else."""

    tool: str
    pins: Path

    def obtain(self, folder: Path) -> Path:
        """Return its interpreter, below `folder`, made now if it is not there; NotInstalled if it cannot be.

        It is named for the pins, so that other pins make another one; one process makes it while others wait.
        """
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / hashlib.sha256(self.pins.read_bytes()).hexdigest()[:_FOLDER_CHARACTERS]
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.is_dir():
                self._make(kept)
        return _python(kept)

    def _make(self, kept: Path) -> None:
        """Put it in place by one rename, so that an interrupted installation leaves nothing half done."""
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            made = Path(work) / "environment"
            self._run([sys.executable, "-m", "venv", "--without-pip", str(made)])
            pip = [sys.executable, "-m", "pip", "--python", str(_python(made)), "install", *_PIP]
            self._run([*pip, "-r", str(self.pins)])
            made.rename(kept)

    def _run(self, arguments: list[str]) -> None:
        try:
            done = subprocess.run(arguments, capture_output=True, timeout=INSTALL_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise NotInstalled(
                f"pip could not fetch {self.tool} within {INSTALL_SECONDS:.0f} s: check the network"
            ) from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").split("\n")
            errors = [line for line in said if line.startswith("ERROR")] or said
            raise NotInstalled(f"pip could not fetch {self.tool}: {errors[0][:300]}; check the network")


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"
