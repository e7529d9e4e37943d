"""What stands in for AWS on this machine: MiniStack or moto, started here, or a LocalStack that runs already.

ENDPOINT=ministack[:PORT]  MiniStack from an environment of its own, on 4566 unless told otherwise; runs the functions
ENDPOINT=moto[:PORT]       moto's server, which runs no function without Docker: ours does
ENDPOINT=<url>             whatever speaks AWS's API there; nothing is started

FUNCTIONS=there|here says who runs the functions: the stand-in, or the emulator, from the same deployment.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.local import engines, ministack
from infra.local.children import dying_with_us
from infra.local.place import BadSetting, check_free

EDGE_PORT: Final = 4566
"""Where LocalStack listens, and where localstack-client looks unless it is told otherwise."""

_PLACES: Final = ("there", "here")
_INHERITED: Final = ("PATH", "HOME", "LANG")
"""MiniStack gives its functions whatever it has been given: that is no business of theirs."""

# Its LOG_LEVEL would be theirs as well, and they would say nothing: they are told what AWS would have them be.
_LOUD: Final = {"POWERTOOLS_LOG_LEVEL": "INFO"}


@dataclass(frozen=True, slots=True)
class StandIn:
    """What was asked for; `port` is 0 where nothing is started here."""

    name: str
    url: str
    port: int
    functions_here: bool

    @property
    def forgets(self) -> bool:
        """Tell whether all that was deployed is gone when we end."""
        return bool(self.port)

    @property
    def sentence(self) -> str:
        """Say where what is."""
        who = "the emulator runs the functions" if self.functions_here else "functions run there"
        kept = "nothing there is kept after a stop" if self.forgets else "not started here"
        return f"AWS: {self.name} at {self.url}, {who}, {kept}"


def chosen(environ: Mapping[str, str] = os.environ) -> StandIn:
    """Read ENDPOINT and FUNCTIONS; raise BadSetting for what cannot be used."""
    asked = environ.get("ENDPOINT") or "ministack"
    where = environ.get("FUNCTIONS") or ("here" if asked.partition(":")[0] == "moto" else "there")
    if where not in _PLACES:
        raise BadSetting(f"FUNCTIONS={where}: choose one of {', '.join(_PLACES)}")
    if urlsplit(asked).scheme in ("http", "https") and urlsplit(asked).hostname:
        return StandIn("the stand-in", asked.rstrip("/"), 0, where == "here")
    name, _, port = asked.partition(":")
    if name not in ("ministack", "moto"):
        raise BadSetting(f"ENDPOINT is ministack, moto or a url such as http://127.0.0.1:{EDGE_PORT}, not {asked!r}")
    number = _port(port, asked)
    return StandIn(name, f"http://{engines.HOST}:{number}", number, where == "here")


def _port(text: str, asked: str) -> int:
    port = int(text) if text.isdigit() else 0 if text else EDGE_PORT
    if not 0 < port < 65_536:
        raise BadSetting(f"ENDPOINT={asked}: the port must be a number from 1 to 65535")
    return port


def start(stand_in: StandIn, folder: Path, log: Path) -> "subprocess.Popen[bytes] | None":
    """Start it on the loopback interface and wait until it listens; None where it runs already.

    BadSetting if somebody listens there, NoEngine if it cannot be had.
    """
    if not stand_in.port:
        return None
    check_free(stand_in.port, f"name it by ENDPOINT={stand_in.url}, or choose ENDPOINT={stand_in.name}:<port>")
    if stand_in.name == "moto":
        return engines.start_moto(port=stand_in.port, log=log).process
    return _ministack(stand_in.port, folder, log)


def _ministack(port: int, folder: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start MiniStack; what it unpacks for its functions is below `folder`, so that it can be taken away."""
    python = engines.choose("ministack", engines.ROOT / ".local" / "engine").binary
    assert python is not None
    folder.mkdir(parents=True, exist_ok=True)
    mine = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            dying_with_us(ministack.command(python)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**mine, **_LOUD, **ministack.environment(engines.HOST, port), "TMPDIR": str(folder)},
            cwd=folder,
            start_new_session=True,
        )
    try:
        engines.wait_ready(process, port)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process
