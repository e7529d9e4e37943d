"""`python -m emulator` as a process of its own, on a free port."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.engines import free_port
from tests.e2e.local_stack import until
from tests.law.source import ROOT


@contextmanager
def serving(arguments: list[str], folder: Path, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Run the emulator on a free port until the end of the block; it has to end well."""
    port = free_port()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", *arguments, "--port", str(port)],
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        until(
            "it listens",
            lambda: process.poll() is not None or "listening on http://" in (folder / "said").read_text(),
            30,
        )
        assert process.poll() is None, (folder / "said").read_text()
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
