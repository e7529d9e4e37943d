"""`make bench-gateway`: our gateway beside others, in one run of about three minutes, in turns.

Compare the ratios: the rates are this machine's, at this moment. BENCH_SECONDS sets the length of each turn (3), and
BENCH_ROUNDS their number (5); what is printed are medians over the rounds.
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.gateways import compared, refusals, slow
from benchmarks.gateways.token import issuing
from benchmarks.report import machine, section
from infra.local.run import guarded

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))


def main() -> None:
    """Run every comparison and print it."""
    section("Machine")
    machine()
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder, issuing(Path(folder)) as issuer:
        section("A verified RS256 token and an echo, 300 bytes, 16 connections, no TLS anywhere")
        compared.report(Path(folder), issuer, SECONDS, ROUNDS)
        section("Refusals and cold tokens, the gateway's own code in this process")
        refusals.report(Path(folder), issuer)
        section("Slow clients beside good ones")
        slow.report(Path(folder) / "slow", issuer, SECONDS, ROUNDS)


if __name__ == "__main__":
    sys.exit(guarded(main))
