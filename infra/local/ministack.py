"""MiniStack as a data engine: an environment of its own, made once by pip, and the command that serves from it.

It pins another botocore than the project does, so its packages never meet ours (docs/decisions/0011-ministack.md).
"""

from pathlib import Path
from typing import Final

from infra.local.own_environment import OwnEnvironment

PINS: Final = Path(__file__).parent / "ministack-constraints.txt"


def version() -> str:
    """Return the pinned version of MiniStack itself."""
    lines = PINS.read_text().splitlines()
    return next(line.removeprefix("ministack==") for line in lines if line.startswith("ministack=="))


def obtain(home: Path) -> Path:
    """Return the interpreter of its environment below `home`; NotInstalled if it cannot be made."""
    return OwnEnvironment("MiniStack", PINS).obtain(home / f"ministack-{version()}")


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
