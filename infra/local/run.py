"""`make run`: the whole platform on this machine, from nothing, until it is told to stop.

The stages, each of which finds out what is there before it makes anything:

1. settings and certificates;
2. the data engine and moto (KMS, Secrets Manager), on free loopback ports;
3. tables, signing key, pepper, the issuer's documents, the functions' file;
4. the emulator: API Gateway and Lambda, on PORT; ready when GET /v1/health answers 200;
5. the sandbox tenant, through the API.

Whatever goes wrong, and however it ends, every process that was started is stopped.
"""

import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.kernel.clock import SECOND_MS, SystemClock
from infra.files import replace_file
from infra.local import engines
from infra.local.api_client import Api, Credentials
from infra.local.certificates import Certificates, ensure_certificates
from infra.local.children import ChildEnded, Children
from infra.local.finding import Finding
from infra.local.place import (
    ACCOUNT,
    AUDIENCE,
    REGION,
    STAGE,
    BadSetting,
    Place,
    aws_environment,
    control_environment,
)

APP: Final = "tollgate"
READY_SECONDS: Final = 40.0
_POLL_SECONDS: Final = 0.05
# The gateway's access log has a line per request already; a function's own is for CloudWatch.
_TUNABLE: Final = {"DYNAMO_CLIENT": "lean", "POWERTOOLS_LOG_LEVEL": "WARNING"}
_WATCH_SECONDS: Final = 0.2


class Stop(BaseException):
    """Somebody wants us to end."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack."""

    place: Place
    certificates: Certificates
    engine: engines.Engine
    engine_sentence: str


@contextmanager
def running(place: Place, access_log: Path | None = None) -> Iterator[tuple[Stack, Children]]:
    """Start everything, and stop everything at the end of the block, whatever happened in it.

    The gateway's access log is shown unless it is given a file.
    """
    children = Children()
    with alone(place.data):
        try:
            stack = _start(place, children, access_log)
            yield stack, children
        finally:
            ignore_signals()
            place.aws_file.unlink(missing_ok=True)
            place.place_file.unlink(missing_ok=True)
            children.stop()


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Two stacks must not write one data folder; the kernel gives the lock back however we end."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSetting(f"{data} is in use by another stack: stop it, or choose DATA=...") from None
        yield


def _start(place: Place, children: Children, access_log: Path | None) -> Stack:
    for folder in (place.data / "logs", place.data / "state", place.data / "issuer"):
        folder.mkdir(parents=True, exist_ok=True)
    place.data.chmod(0o700)
    certificates = ensure_certificates(place.local)
    choice = engines.choose(place.engine, engines.ROOT / ".local" / "engine")
    engine = engines.start(choice, data=place.data, log=place.data / "logs" / "engine.log")
    if engine.process:
        children.add("the data engine", engine.process)
    services = _services(place, engine, children)
    ours = aws_environment(services, engine.url)
    if place.deployed:
        ours |= control_environment(place.control_port)
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in ours]:
        del os.environ[name]  # whoever starts a laptop's stack may be logged in somewhere real
    os.environ.update(ours)
    replace_file(place.aws_file, json.dumps(ours, indent=2).encode() + b"\n")
    replace_file(place.place_file, place.as_json())
    if place.deployed:
        children.start("the emulator", control_command(place, certificates), access_log)
        until(lambda: listens(place), place, children)
        _deploy(place)
    else:
        _apply(place)
        children.start("the emulator", _emulator_command(place, certificates), access_log)
    until(lambda: healthy(place, certificates), place, children)
    return Stack(place, certificates, engine, choice.sentence)


def _services(place: Place, engine: engines.Engine, children: Children) -> str:
    """Start moto for the services beside the tables, unless the engine is moto already."""
    if engine.name == "moto":
        return engine.url
    moto = engines.start_moto(log=place.data / "logs" / "moto.log")
    assert moto.process is not None
    children.add("moto", moto.process)
    return moto.url


def _apply(place: Place) -> None:
    """Make what the functions need; imported here, because boto3 and Chalice take their time."""
    import boto3  # noqa: PLC0415

    from infra import event_sources, functions, signing, signing_keys, tables  # noqa: PLC0415
    from infra.resources import read_resources  # noqa: PLC0415

    resources = read_resources(STAGE)
    tables.apply_tables(resources, boto3.client("dynamodb"))
    keys = signing_keys.ensure_keys(boto3.client("kms"), resources.signing_key, STAGE)
    signing.ensure_pepper(boto3.client("secretsmanager"), resources.pepper, place.data / "pepper")
    endpoint = place.base_url + signing.TOKEN_PATH
    signing.write_documents(
        place.data / "issuer", place.issuer, endpoint, keys.published(SystemClock().now_at() // SECOND_MS)
    )
    mine = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    chosen = {name: os.environ.get(name, default) for name, default in _TUNABLE.items()}
    here = {"ISSUER": place.issuer, "ISSUER_DOCUMENTS": (place.data / "issuer").as_uri(), "AUDIENCE": AUDIENCE}
    overrides = {**mine, **chosen, **here}
    functions.write_functions(place.data / "functions.json", functions.function_rows(STAGE, overrides))
    event_sources.write_sources(place.event_sources, event_sources.source_rows(resources, event_sources.LOCAL_RATES))
    if not (place.data / "api_keys.json").exists():
        replace_file(place.data / "api_keys.json", b'{"keys": []}\n')


def _emulator_command(place: Place, certificates: Certificates) -> list[str]:
    variables = {
        "region": REGION,
        "account": ACCOUNT,
        "stage": STAGE,
        "issuer": place.issuer,
        "audience": AUDIENCE,
    }
    options = {
        "--api": engines.ROOT / "infra" / "api.yaml",
        "--stages": engines.ROOT / "infra" / "stages.yaml",
        "--stage": STAGE,
        "--functions": place.data / "functions.json",
        "--code-root": engines.ROOT,
        "--port": place.port,
        "--cert": certificates.server,
        "--key": certificates.server_key,
        "--ca": certificates.ca,
        "--api-keys": place.data / "api_keys.json",
        "--state-dir": place.data / "state",
        "--issuer-dir": place.data / "issuer",
        "--worker": place.worker,
    }
    if place.follows:
        options["--event-sources"] = place.event_sources
    command = [sys.executable, "-m", "emulator"]
    command += [str(part) for pair in options.items() for part in pair]
    return command + [part for name, value in variables.items() for part in ("--var", f"{name}={value}")]


def control_command(place: Place, certificates: Certificates, stage: str = STAGE) -> list[str]:
    """Return the command that serves what is deployed to it, the API of the stage in front."""
    options = {
        "--control-port": place.control_port,
        "--front": f"{APP}-{stage}/{stage}",
        "--stage": stage,
        "--port": place.port,
        "--cert": certificates.server,
        "--key": certificates.server_key,
        "--ca": certificates.ca,
        "--state-dir": place.data / "state",
        "--issuer-dir": place.data / "issuer",
        "--worker": place.worker,
    }
    return [sys.executable, "-m", "emulator", *(str(part) for pair in options.items() for part in pair)]


def _deploy(place: Place) -> None:
    """Deploy to what was just started; imported here, because boto3 and Chalice take their time."""
    from infra.deploy.account import read_account  # noqa: PLC0415
    from infra.deploy.course import deploy, turn_of  # noqa: PLC0415
    from infra.deploy.fault import DeployFault  # noqa: PLC0415
    from infra.deploy.here import here  # noqa: PLC0415

    try:
        target = here(place, read_account())
        with turn_of(target):
            deploy(target)
    except DeployFault as fault:
        raise ChildEnded(str(fault)) from None


def listens(place: Place) -> bool:
    """Tell whether both the gateway and its control planes can be reached."""
    try:
        for port in (place.control_port, place.port):
            socket.create_connection((engines.HOST, port), 1.0).close()
    except OSError:
        return False
    return True


def until(is_ready: Callable[[], bool], place: Place, children: Children) -> None:
    """Wait for the platform while its processes live; ChildEnded if that takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        children.check()
        if is_ready():
            return
        time.sleep(_POLL_SECONDS)
    raise ChildEnded(f"the platform was not ready within {READY_SECONDS:.0f} s; see {place.data / 'logs'}")


def healthy(place: Place, certificates: Certificates) -> bool:
    """Tell whether the API answers."""
    api = Api(place.base_url, str(certificates.ca), Credentials("", "", ""))
    try:
        return api.send("GET", "/v1/health", None, {}).status == 200
    except OSError:
        return False
    finally:
        api.close()


def ignore_signals() -> None:
    """From here on we are stopping: a second Ctrl-C must not leave a process behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _stop(_number: int, _frame: object) -> None:
    raise Stop


def guarded(work: Callable[[], None]) -> int:
    """Run a command of the local stack: signals end it in order, findings are one line, not a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        work()
    except Stop:
        print("stopped", flush=True)
        return 0
    except (Finding, engines.NoEngine) as finding:
        print(f"tollgate: {finding}", file=sys.stderr, flush=True)
        return 1
    return 0


def _serve() -> None:
    from infra.clients import Place as Registry  # noqa: PLC0415 - what it imports is not needed before the stack runs
    from infra.local.seed import seed  # noqa: PLC0415
    from infra.local.welcome import welcome  # noqa: PLC0415
    from infra.resources import read_resources  # noqa: PLC0415

    place = Place.from_environment()
    with running(place) as (stack, children):
        registry = Registry(read_resources(STAGE), None, place.data / "pepper") if place.deployed else None
        sandbox = seed(place.data, place.base_url, stack.certificates.ca, registry=registry)
        replace_file(place.local / "sandbox.json", sandbox.as_json())
        print(welcome(place, sandbox, stack.engine_sentence), flush=True)
        while True:
            children.check()
            time.sleep(_WATCH_SECONDS)


if __name__ == "__main__":
    sys.exit(guarded(_serve))
