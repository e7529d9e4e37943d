"""Rebuilds a tenant's ledger from its commits: `python -m infra.rebuild --stage local --tenant NAME ...`.

`--ledger` and `--projections` name the tables to write to: new, empty ones, beside those that are doubted. They are
made if they are missing.
The result is verified, and what was found is printed as the proof.
"""

import argparse
import sys
from dataclasses import replace

import boto3

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.store.dynamo import Boto3Dynamo
from chalicelib.store.port import Table
from chalicelib.verifier.rebuild import DamagedCommits, NotEmpty, rebuild
from chalicelib.verifier.verify import verify
from infra.local.attach import attach
from infra.resources import read_resources
from infra.tables import apply_tables


def main(argv: list[str] | None = None) -> int:
    """Rebuild, verify and print; 1 if the result is not what the commits say, 2 if it could not be done."""
    options = _arguments().parse_args(argv)
    attach(options.stage)
    resources = read_resources(options.stage)
    tables: dict[Table, str] = {**resources.table_names, "ledger": options.ledger, "projections": options.projections}
    apply_tables(
        replace(resources, tables={str(name): table for name, table in tables.items()}), boto3.client("dynamodb")
    )
    target, clock = Boto3Dynamo(tables), SystemClock()
    try:
        written = rebuild(target, target, clock, SystemChance(), options.tenant)
    except (DamagedCommits, NotEmpty) as fault:
        print(f"rebuild: {fault}", file=sys.stderr)
        return 2
    report = verify(target, clock, options.tenant, lag_seconds=0)
    print(
        f"{options.tenant}: {report.commits} commits, {written} items, {len(report.breaks)} breaks in {options.ledger}"
    )
    return 1 if report.breaks else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.rebuild", description=__doc__)
    for name in ("stage", "tenant", "ledger", "projections"):
        parser.add_argument(f"--{name}", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
