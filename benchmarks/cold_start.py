"""How long each function's code takes to import, and its process from its start to being ready for an event."""

import asyncio
import compileall
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.report import row
from emulator.lambdas import FunctionConfig, Functions
from infra.local.engines import ROOT

TIMES = 5
IMPORT_TIMES: Final = 9
PATIENCE_SECONDS = 30.0

PROGRAM: Final = """
import importlib, sys, time
began = time.perf_counter()
importlib.import_module(sys.argv[1])
print((time.perf_counter() - began) * 1_000, len(sys.modules))
"""


def report_imports(rows: list[dict[str, Any]]) -> None:
    """Print a line per function: its entrypoint imported in new interpreters, in turns, all of it compiled before."""
    compileall.compile_dir(ROOT / "chalicelib", quiet=1)
    turns = [{item["name"]: _imported(item) for item in rows} for _ in range(IMPORT_TIMES)]
    row("function", "ms", "slowest", "modules")
    for name in turns[0]:
        times = [turn[name][0] for turn in turns]
        row(name, f"{statistics.median(times):.0f}", f"{max(times):.0f}", str(turns[0][name][1]))


def _imported(item: Mapping[str, Any]) -> tuple[float, int]:
    """Return the milliseconds of one import, and how many modules there are after it; as deployed, without plug-ins."""
    done = subprocess.run(  # noqa: S603 - our own program and module
        [sys.executable, "-c", PROGRAM, item["handler"].rpartition(".")[0]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **item["environment"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    took_ms, modules = done.stdout.split()
    return float(took_ms), int(modules)


def report(functions: Path) -> None:
    """Print a line per function of the file that the stack used."""
    row("function", "ms", "slowest")
    for item in json.loads(functions.read_text())["functions"]:
        config = FunctionConfig(
            name=item["name"],
            handler=item["handler"],
            code_root=str(ROOT),
            memory_mb=item["memory_mb"],
            timeout_seconds=item["timeout_seconds"],
            environment=item["environment"],
            max_environments=1,
        )
        readings = asyncio.run(_readings(config))
        row(item["name"], f"{statistics.median(readings):.0f}", f"{max(readings):.0f}")


async def _readings(config: FunctionConfig) -> list[float]:
    return [await asyncio.wait_for(_once(config), PATIENCE_SECONDS) for _ in range(TIMES)]


async def _once(config: FunctionConfig) -> float:
    functions = Functions([config], watch=False, warm=False)
    await functions.start()
    pool = functions.pools[config.name]
    began = time.perf_counter()
    pool.warm()
    while not pool.has_idle:
        await asyncio.sleep(0.001)
    took_ms = (time.perf_counter() - began) * 1_000
    await functions.stop()
    return took_ms
