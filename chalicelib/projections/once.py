"""Writing what stream records are turned into: the first time they come, and never again."""

from collections.abc import Sequence
from typing import Final

from chalicelib.store.port import Cancelled, Dynamo, Write
from chalicelib.store.transact import CONDITION_FAILED

WRITE_SECONDS: Final = 5.0


def write_once(dynamo: Dynamo, writes: Sequence[Write]) -> None:
    """Make all of the writes, unless the first is there already; raise Cancelled for a conflict or a throttle."""
    try:
        write_new(dynamo, writes)
    except Cancelled as cancelled:
        if cancelled.reasons[0].code != CONDITION_FAILED:
            raise


def write_new(dynamo: Dynamo, writes: Sequence[Write]) -> None:
    """Make all of the writes or none; raise Cancelled if one of them is there already."""
    dynamo.transact(writes, timeout_seconds=WRITE_SECONDS)
