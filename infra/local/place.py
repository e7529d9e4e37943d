"""Where a local stack lives: its port, its folders, and what every process of it finds in the environment."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.engines import HOST, ROOT, free_port
from infra.local.finding import Finding

DEFAULT_PORT: Final = 8443
AUDIENCE: Final = "tollgate"
STAGE: Final = "local"
WORKERS: Final = ("awslambdaric", "fast")
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
AWS_FILE: Final = "aws.json"
PLACE_FILE: Final = "place.json"


class BadSetting(Finding):
    """A variable cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """One stack: `local` holds what belongs to this machine (CA, engine), `data` what must outlive a restart."""

    port: int
    data: Path
    local: Path
    engine: str
    worker: str = WORKERS[0]
    follows: bool = True
    """Whether streams and schedules start functions."""

    deployed: bool = False
    """Whether functions run from what `make deploy` has deployed here, not from the source tree."""

    control_port: int = 0
    """Where what is deployed here is deployed to."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Place":
        """Read the settings of `make run`; raise BadSetting for a port or a worker that cannot be used."""
        local, data = local_folder(environ), data_folder(environ)
        engine, worker = environ.get("ENGINE") or "auto", environ.get("WORKER") or WORKERS[0]
        if worker not in WORKERS:
            raise BadSetting(f"WORKER={worker}: choose one of {', '.join(WORKERS)}")
        deployed = _switch("DEPLOYED", environ)
        control = free_port() if deployed else 0
        port = _port(environ.get("PORT", ""))
        return cls(port, data, local, engine, worker, deployed=deployed, control_port=control)

    @classmethod
    def of_running(cls, data: Path, environ: Mapping[str, str] = os.environ) -> "Place":
        """Return the place of the stack whose data folder this is, as it was started."""
        row = json.loads((data / PLACE_FILE).read_text())
        return cls(data=data, local=local_folder(environ), **row)

    def as_json(self) -> bytes:
        """Return the file by which `of_running` knows it again."""
        kept = ("port", "engine", "worker", "follows", "deployed", "control_port")
        return json.dumps({name: getattr(self, name) for name in kept}, indent=2).encode() + b"\n"

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.base_url}/_emulator/issuer"

    @property
    def event_sources(self) -> Path:
        """What starts functions besides the gateway."""
        return self.data / "event_sources.json"

    @property
    def aws_file(self) -> Path:
        """Where the stack's services are, while it runs."""
        return self.data / AWS_FILE

    @property
    def place_file(self) -> Path:
        """How the stack was started, while it runs."""
        return self.data / PLACE_FILE

    @property
    def sandbox_file(self) -> Path:
        """The copy that belongs to the data; the one in `local` is for whoever started the stack last."""
        return self.data / "sandbox.json"


def local_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return LOCAL: where the authority and the newest sandbox.json are."""
    return Path(environ.get("LOCAL") or ROOT / ".local").resolve()


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return DATA: what outlives a restart."""
    return Path(environ.get("DATA") or local_folder(environ) / "data").resolve()


def aws_environment(services: str, tables: str) -> dict[str, str]:
    """Return the environment in which AWS's clients find this stack: moto's services, the engine's tables."""
    return {
        "AWS_ENDPOINT_URL": services,
        "AWS_ENDPOINT_URL_DYNAMODB": tables,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": tables,
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",  # pragma: allowlist secret - no secret: every stand-in takes any value
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def control_environment(port: int) -> dict[str, str]:
    """Return what leads AWS's clients to the control planes of the emulator."""
    url = f"http://{HOST}:{port}"
    return {f"AWS_ENDPOINT_URL_{service}": url for service in ("API_GATEWAY", "LAMBDA", "EVENTBRIDGE")}


def _switch(name: str, environ: Mapping[str, str]) -> bool:
    said = environ.get(name) or "0"
    if said not in ("0", "1"):
        raise BadSetting(f"{name} must be 0 or 1, not {said!r}")
    return said == "1"


def _port(text: str) -> int:
    if not text:
        port = DEFAULT_PORT
    elif text.isdigit() and 0 < int(text) < 65_536:
        port = int(text)
    else:
        raise BadSetting(f"PORT must be a number from 1 to 65535, not {text!r}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise BadSetting(f"port {port} is in use: stop what listens there, or choose PORT=...") from None
    return port
