"""MiniStack as a data engine: an environment of its own, made once by pip, and the command that serves from it.

It pins another botocore than the project does, so its packages never meet ours (docs/decisions/0011-ministack.md).
"""

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from infra.local.finding import Finding

PINS: Final = Path(__file__).parent / "ministack-constraints.txt"
INSTALL_SECONDS: Final = 120.0
_FOLDER_CHARACTERS: Final = 8

# Without the network pip says so after some seconds instead of trying for minutes.
_PIP: Final = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--timeout", "5", "--retries", "1")


class NotInstalled(Finding):
    """The packages cannot be had; the text says why and what to do."""


def version() -> str:
    """Return the pinned version of MiniStack itself."""
    lines = PINS.read_text().splitlines()
    return next(line.removeprefix("ministack==") for line in lines if line.startswith("ministack=="))


def obtain(home: Path) -> Path:
    """Return the interpreter of its environment below `home`, made now if it is not there; NotInstalled if it cannot.

    The folder is named for the pins, so that other pins make another one; one process makes it while others wait.
    """
    folder = home / f"ministack-{version()}"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / hashlib.sha256(PINS.read_bytes()).hexdigest()[:_FOLDER_CHARACTERS]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            _make(kept)
    return _python(kept)


def command(python: Path) -> list[str]:
    """Return the command that serves; isolated, so that nothing of this project is imported by accident."""
    return [str(python), "-I", "-m", "ministack"]


def environment(host: str, port: int) -> dict[str, str]:
    """Return what tells it where to listen; its listeners for other protocols stay closed."""
    return {
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }


def _python(environment_folder: Path) -> Path:
    return environment_folder / "bin" / "python"


def _make(kept: Path) -> None:
    """Put the environment in place by one rename, so that an interrupted installation leaves nothing half done."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:
        made = Path(work) / "environment"
        _run([sys.executable, "-m", "venv", "--without-pip", str(made)])
        _run([sys.executable, "-m", "pip", "--python", str(_python(made)), "install", *_PIP, "-r", str(PINS)])
        made.rename(kept)


def _run(arguments: list[str]) -> None:
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=INSTALL_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"pip could not fetch MiniStack within {INSTALL_SECONDS:.0f} s: check the network") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").split("\n")
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise NotInstalled(f"pip could not fetch MiniStack: {errors[0][:300]}; check the network")
