"""`make localstack`: the platform deployed as STAGE=dev to a LocalStack-compatible endpoint, our gateway in front.

The stages:

1. what stands in for AWS: started here (MiniStack, moto), or named by its URL (LocalStack);
2. the emulator: API Gateway's planes on PORT, and Lambda's where the stand-in runs no functions;
3. `environment.sh`, by which any shell reaches all of it;
4. the deployment, as `make deploy STAGE=dev` does it, and the sandbox tenant through the API.

Every process that was started is stopped, however it ends; an endpoint that ran already is left as it is.
"""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from infra.files import replace_file
from infra.local import stand_in
from infra.local.certificates import Certificates, ensure_certificates
from infra.local.children import ChildEnded, Children
from infra.local.place import ACCOUNT, Place, aws_environment, control_environment, local_folder
from infra.local.run import alone, control_command, guarded, healthy, ignore_signals, listens, until
from infra.local.stand_in import StandIn

STAGE: Final = "dev"
ENVIRONMENT_FILE: Final = "environment.sh"
_UNSET: Final = "AWS_PROFILE AWS_SESSION_TOKEN"
_OF_A_LIFE: Final = ("state", "deploy", "functions")
"""Folders that mean nothing once the stand-in has forgotten everything."""

_WATCH_SECONDS: Final = 0.2


@contextmanager
def running(place: Place, stand: StandIn) -> Iterator[Children]:
    """Start everything, deploy, and stop what was started at the end of the block, whatever happened in it."""
    children = Children()
    with alone(place.data):
        try:
            _start(place, stand, children)
            yield children
        finally:
            ignore_signals()
            (place.data / ENVIRONMENT_FILE).unlink(missing_ok=True)
            children.stop()
            shutil.rmtree(place.data / "functions", ignore_errors=True)


def _start(place: Place, stand: StandIn, children: Children) -> None:
    _prepare(place, forget=stand.forgets)
    certificates = ensure_certificates(place.local)
    process = stand_in.start(stand, place.data / "functions", place.data / "logs" / "stand-in.log")
    if process is not None:
        children.add(stand.name, process)
    ours = _environment(place, stand)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # whoever starts this may be logged in somewhere real
    os.environ.update(ours)
    account = _account()
    children.start("the emulator", _gateway(place, certificates, stand, account))
    until(lambda: listens(place), place, children)
    replace_file(place.data / ENVIRONMENT_FILE, _exports(place, certificates, stand, ours))
    _deploy(place, certificates)
    until(lambda: healthy(place, certificates), place, children)


def _prepare(place: Place, *, forget: bool) -> None:
    if forget:
        for name in _OF_A_LIFE:
            shutil.rmtree(place.data / name, ignore_errors=True)
        place.sandbox_file.unlink(missing_ok=True)
    for name in ("logs", "state", "issuer"):
        (place.data / name).mkdir(parents=True, exist_ok=True)
    place.data.chmod(0o700)
    # botocore takes its time to import, and is not needed to say that a setting is wrong.
    from infra.local.waiters import write_waiters  # noqa: PLC0415

    write_waiters(place.data / "waiters")


def _environment(place: Place, stand: StandIn) -> dict[str, str]:
    """Return what leads AWS's clients to the stand-in, and to ours for what it does not do."""
    planes = control_environment(place.control_port)
    ours = planes if stand.functions_here else {"AWS_ENDPOINT_URL_API_GATEWAY": planes["AWS_ENDPOINT_URL_API_GATEWAY"]}
    found = {**aws_environment(stand.url, stand.url), **ours, "AWS_DATA_PATH": str(place.data / "waiters")}
    # LocalStack's own words for "nobody in particular".
    return {**found, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def _account() -> str:
    from infra.deploy.account import read_account  # noqa: PLC0415
    from infra.deploy.fault import DeployFault  # noqa: PLC0415

    try:
        return read_account().account
    except DeployFault as fault:
        raise ChildEnded(str(fault)) from None


def _gateway(place: Place, certificates: Certificates, stand: StandIn, account: str) -> list[str]:
    more = [] if stand.functions_here else ["--endpoint", stand.url]
    return [*control_command(place, certificates, STAGE), "--var", f"account={account or ACCOUNT}", *more]


def _exports(place: Place, certificates: Certificates, stand: StandIn, ours: dict[str, str]) -> bytes:
    """Return the file that a shell reads: where everything is, and what `make deploy` needs to be told."""
    told = {
        **ours,
        "LOCALSTACK_HOST": urlsplit(stand.url).netloc,
        "STAGE": STAGE,
        "URL": place.base_url,
        "ISSUER": place.issuer,
        "ISSUER_DIRECTORY": str(place.data / "issuer"),
        "CA": str(certificates.ca),
        "FOLDER": str(place.data / "deploy"),
    }
    lines = [f"unset {_UNSET}", *(f"export {name}={shlex.quote(value)}" for name, value in told.items())]
    return "\n".join(lines).encode() + b"\n"


def _deploy(place: Place, certificates: Certificates) -> None:
    from infra.deploy.account import read_account  # noqa: PLC0415
    from infra.deploy.course import deploy, turn_of  # noqa: PLC0415
    from infra.deploy.fault import DeployFault  # noqa: PLC0415
    from infra.deploy.signing_step import Folder, Issuer  # noqa: PLC0415
    from infra.deploy.steps import Target  # noqa: PLC0415

    ca = str(certificates.ca)
    issuer = Issuer(place.issuer, Folder(place.data / "issuer"), ca)
    try:
        target = Target(STAGE, read_account(), issuer, place.base_url, ca, place.data / "deploy")
        with turn_of(target):
            deploy(target)
    except DeployFault as fault:
        raise ChildEnded(str(fault)) from None


def _place() -> Place:
    """Return a place of its own: `make run` may be running beside it."""
    data = os.environ.get("DATA") or str(local_folder() / "localstack")
    return Place.from_environment({**os.environ, "DATA": data, "DEPLOYED": "1"})


def _serve() -> None:
    from infra.clients import Place as Registry  # noqa: PLC0415 - what it imports is not needed before the stack runs
    from infra.local.seed import seed  # noqa: PLC0415
    from infra.local.welcome import short, welcome  # noqa: PLC0415
    from infra.resources import read_resources  # noqa: PLC0415

    stand, place = stand_in.chosen(), _place()
    with running(place, stand) as children:
        ca = ensure_certificates(place.local).ca
        sandbox = seed(place.data, place.base_url, ca, registry=Registry(read_resources(STAGE)))
        replace_file(place.local / "sandbox.json", sandbox.as_json())
        again = f". {short(place.data / ENVIRONMENT_FILE)} && make deploy STAGE={STAGE}"
        print(welcome(place, sandbox, f"{stand.sentence}\n  deploy again, in another shell: {again}"), flush=True)
        while True:
            children.check()
            time.sleep(_WATCH_SECONDS)


if __name__ == "__main__":
    sys.exit(guarded(_serve))
