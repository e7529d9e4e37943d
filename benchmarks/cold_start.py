"""How long each function takes from the start of its process to being ready for an event."""

import asyncio
import json
import statistics
import time
from pathlib import Path

from benchmarks.report import row
from emulator.lambdas import FunctionConfig, Functions
from infra.local.engines import ROOT

TIMES = 5
PATIENCE_SECONDS = 30.0


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
