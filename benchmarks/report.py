"""How results are printed."""

import os
import platform

from infra.local.engines import pinned_version


def section(title: str) -> None:
    """Start a section."""
    print(f"\n## {title}\n", flush=True)


def row(*cells: str) -> None:
    """Print one line of a table."""
    first, *rest = cells
    print(f"{first:<44}" + "".join(f"{cell:>14}" for cell in rest), flush=True)


def machine() -> None:
    """Say what all of it ran on."""
    row("cores", str(os.cpu_count()))
    row("load average before", f"{os.getloadavg()[0]:.2f}")
    row("Python", platform.python_version())
    row("engine", f"dynoxide {pinned_version()}")
