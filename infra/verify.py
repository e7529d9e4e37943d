"""Verifies a stage's ledger: `python -m infra.verify --stage local [--tenant demo.sandbox]`; 1 if it found a break.

Recomputes every balance, state and statement from the commits and names whatever does not agree. It only reads, unless
`--repair` lets it fill in lines, steps and events that a stream has lost.
"""

import argparse
import sys
from typing import cast

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.store.dynamo import Boto3Dynamo
from chalicelib.store.keys import TENANTS
from chalicelib.store.port import Dynamo
from chalicelib.store.read import everything
from chalicelib.verifier.repair import repair
from chalicelib.verifier.verify import LAG_SECONDS, Report, verify
from infra.local.attach import attach
from infra.resources import read_resources


def main(argv: list[str] | None = None) -> int:
    """Verify one tenant or all of them, and print what was found."""
    options = _arguments().parse_args(argv)
    attach(options.stage)
    dynamo = Boto3Dynamo(read_resources(options.stage).table_names)
    tenants = [options.tenant] if options.tenant else tenants_of(dynamo)
    if options.repair:
        for tenant in tenants:
            repaired = repair(dynamo, SystemClock(), SystemChance(), tenant, lag_seconds=options.lag)
            print(f"{tenant}: filled in {repaired.lines} lines, and the steps of {repaired.commits} commits")
    reports = [verify(dynamo, SystemClock(), tenant, lag_seconds=options.lag) for tenant in tenants]
    for report in reports:
        _print(report)
    return 1 if any(report.breaks for report in reports) else 0


def tenants_of(dynamo: Dynamo) -> list[str]:
    """Return the tenants that have clients."""
    return [cast("str", row["sk"]) for row in everything(dynamo, "clients", TENANTS)]


def _print(report: Report) -> None:
    for one in report.breaks:
        print(f"{report.tenant}: {one.code}: {one.where}: {one.detail}")
    found = f"{len(report.breaks)} breaks" if report.breaks else "no break"
    print(f"{report.tenant}: {report.commits} commits, {report.balances} balances: {found}")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.verify", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--tenant", help="one tenant; all of them unless given")
    parser.add_argument("--lag", type=int, default=LAG_SECONDS, help="seconds that statements may be behind")
    parser.add_argument("--repair", action="store_true", help="fill in what statements and histories have lost, first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
