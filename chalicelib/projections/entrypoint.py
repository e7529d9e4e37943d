"""The projections function: behind the streams of the ledger and of the commits, a batch at a time, in order."""

from collections.abc import Mapping
from typing import Any

from chalice import Blueprint

from chalicelib.projections.batch import project_changes
from chalicelib.store.stream import read_record
from chalicelib.web.call import Bench
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

_opened: list[Bench] = []


def project_batch(bench: Bench, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Project a batch; what could not be written is named, and comes again with all that follows it.

    The answer is Lambda's partial batch response: the first failure ends the batch, or order would be lost.
    """
    failed = project_changes(bench, [read_record(record) for record in event["Records"]])
    return {"batchItemFailures": [{"itemIdentifier": failed.number}] if failed else []}


@blueprint.lambda_function(name="projections")
def project(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Take one batch of stream records."""
    if not _opened:
        _opened.append(open_bench())
    return project_batch(_opened[0], event)
