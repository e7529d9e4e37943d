"""What of AWS's trouble is told as ours and passing (503): the client did nothing wrong, and may ask again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chalicelib.kernel.problems import BUSY, Problem
from chalicelib.store.port import OutcomeUnknown, Throttled, Unreachable
from chalicelib.store.wire import AwsError

_SERVER_ERROR: Final = 500


@contextmanager
def told_as_busy() -> Iterator[None]:
    """Raise Problem(BUSY) for silence, throttling and failures of a service; a refusal is a fault and stays one."""
    try:
        yield
    except (OutcomeUnknown, Throttled, Unreachable) as fault:
        raise _busy() from fault
    except AwsError as fault:
        if fault.status < _SERVER_ERROR and "Throttl" not in fault.code:
            raise
        raise _busy() from fault


def _busy() -> Problem:
    return Problem(BUSY, "No token could be issued just now.")
