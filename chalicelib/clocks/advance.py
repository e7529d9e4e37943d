"""Moving a sandbox tenant's time forward."""

from typing import cast

from chalicelib.clocks.records import find_clock, moving, resource
from chalicelib.clocks.schema import AdvanceClock
from chalicelib.kernel.clock import SECOND_MS
from chalicelib.web.call import Call, Change, Reply


def advance(call: Call) -> Reply:
    """Move the tenant's clock on; holds that are over then are given back by the sweepers."""
    wanted: AdvanceClock = call.body
    before = find_clock(call)
    call.expect(cast("int", before["v"]))
    effect, after = moving(call, before, wanted.advance_seconds * SECOND_MS)
    return call.commit(
        Change(
            operation="clocks.advance",
            status=200,
            resource=resource(call, after, call.now_at + wanted.advance_seconds * SECOND_MS),
            events=("test_clock.advanced",),
            effects=(effect,),
        )
    )
