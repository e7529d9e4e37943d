"""The projections function: behind the streams of the ledger and of the commits, one record at a time, in order."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from chalice import Blueprint

from chalicelib.projections.history import project_history
from chalicelib.projections.lines import project_line
from chalicelib.store.port import Cancelled, OutcomeUnknown, Throttled, Unreachable
from chalicelib.store.stream import Changed, read_record
from chalicelib.web.call import Bench
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)
logger = Logger(service="tollgate")

_TROUBLE = (Cancelled, Throttled, Unreachable, OutcomeUnknown)
_opened: list[Bench] = []


def project_batch(bench: Bench, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Project a batch; what could not be written is named, and comes again with all that follows it.

    The answer is Lambda's partial batch response: the first failure ends the batch, or order would be lost.
    """
    for record in event["Records"]:
        change = read_record(record)
        try:
            _project(bench, change)
        except _TROUBLE as trouble:
            logger.warning("not projected", number=change.number, trouble=type(trouble).__name__)
            return {"batchItemFailures": [{"itemIdentifier": change.number}]}
    return {"batchItemFailures": []}


def _project(bench: Bench, change: Changed) -> None:
    match change.kind:
        case "balance" if not project_line(bench.dynamo, change):
            logger.error("a statement has a gap", item=f"{change.pk} {change.sk}")
        case "commit" if change.name == "INSERT":
            project_history(bench.dynamo, bench.clock, bench.chance, change)
        case "commit":
            # Nobody may do this, and the audit trail is no longer one: the alarm hangs on this line.
            logger.critical("a commit record was changed", item=f"{change.pk} {change.sk}", change=change.name)


@blueprint.lambda_function(name="projections")
def project(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Take one batch of stream records."""
    if not _opened:
        _opened.append(open_bench())
    return project_batch(_opened[0], event)
