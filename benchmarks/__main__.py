"""`make bench`: what a payment costs and how many there can be, side by side in one run of about six minutes.

Compare the ratios: the rates are this machine's, at this moment. BENCH_SECONDS sets the length of each load (5) and
of what is simulated, and how many payments are stored (20,000 for each second of it).
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import cold_start, costs, engine, gateway_echo, growth, heat, payments
from benchmarks.report import machine, section
from infra.functions import function_rows
from infra.local.run import guarded

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))


def main() -> None:
    """Run every measurement and print it."""
    section("Machine")
    machine()
    section("What an operation costs (counted, not timed)")
    costs.report()
    section(f"One hot merchant on AWS: {heat.RATE} payments/s, simulated with items busy for 8 ms")
    heat.report(SECONDS)
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder:
        root = Path(folder)
        section("Gateway: verified ES256 token, API key, throttle, validation, Python echo, TLS")
        gateway_echo.report(root / "echo", SECONDS)
        section("The engine alone: the transaction of a payment, one client in this process")
        alone = engine.report(root / "engine", SECONDS)
        section("Payments over HTTPS, everything on")
        payments.report(root, SECONDS, alone)
        section("Payments stored: what the next one costs (lean client)")
        growth.report(root / "growth", SECONDS)
        section(f"Cold start: importing a function's code, median of {cold_start.IMPORT_TIMES} new interpreters")
        cold_start.report_imports(function_rows("local"))
        section("Cold start: from starting the process to being ready for an event, median of five")
        cold_start.report(root / "lean-awslambdaric-True-1" / "data" / "functions.json")


if __name__ == "__main__":
    sys.exit(guarded(main))
