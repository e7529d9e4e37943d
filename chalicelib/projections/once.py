"""Writing what a stream record is turned into: the first time it comes, and never again."""

from collections.abc import Sequence
from typing import Final

from chalicelib.store.port import Cancelled, Dynamo, Write
from chalicelib.store.transact import CONDITION_FAILED

WRITE_SECONDS: Final = 5.0


def write_once(dynamo: Dynamo, writes: Sequence[Write]) -> None:
    """Make all of the writes, unless the first is there already; raise Cancelled for a conflict or a throttle."""
    try:
        dynamo.transact(writes, timeout_seconds=WRITE_SECONDS)
    except Cancelled as cancelled:
        if cancelled.reasons[0].code != CONDITION_FAILED:
            raise
