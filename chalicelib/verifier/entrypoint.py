"""The verifier's function: started by a schedule, it verifies every tenant and says every break."""

from typing import Any, Final, cast

from aws_lambda_powertools import Logger
from chalice import Blueprint

from chalicelib.store.keys import TENANTS
from chalicelib.store.read import everything
from chalicelib.verifier.repair import REPAIRABLE, repair
from chalicelib.verifier.verify import Report, verify
from chalicelib.web.call import Bench
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)
logger = Logger(service="tollgate")

MOST_BREAKS_SAID: Final = 100
"""A ledger that is wrong everywhere need not fill the log: the command names every break."""


FINDINGS: Final = "VerifierFindings"
"""Counted at every run, also when there are none: where the metric is missing, nothing was verified."""


def verify_tenants(bench: Bench) -> dict[str, int]:
    """Verify all tenants, after filling in what their streams have lost; return how many breaks each has."""
    tenants = [cast("str", row["sk"]) for row in everything(bench.dynamo, "clients", TENANTS)]
    found = {tenant: _say(_verified(bench, tenant)) for tenant in tenants}
    bench.metrics.count(FINDINGS, sum(found.values()), bench.clock.now_at())
    return found


def _verified(bench: Bench, tenant: str) -> Report:
    report = verify(bench.dynamo, bench.clock, tenant)
    if not any(one.code in REPAIRABLE for one in report.breaks):
        return report
    repaired = repair(bench.dynamo, bench.clock, bench.chance, tenant)
    logger.error("repaired", tenant=tenant, lines=repaired.lines, commits=repaired.commits)
    return verify(bench.dynamo, bench.clock, tenant)


def _say(report: Report) -> int:
    """Log the report: each break as CRITICAL."""
    logger.info("verified", tenant=report.tenant, commits=report.commits, breaks=len(report.breaks))
    for one in report.breaks[:MOST_BREAKS_SAID]:
        logger.critical("a break", tenant=report.tenant, code=one.code, where=one.where, detail=one.detail)
    return len(report.breaks)


@blueprint.lambda_function(name="verifier")
def run(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Verify everything once."""
    return verify_tenants(open_bench())
