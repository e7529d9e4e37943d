"""The item of a test clock: how far ahead it is (`ah`, ms) and its version `v`."""

from collections.abc import Mapping
from typing import Any, Final, cast

from chalicelib.kernel.clock import SECOND_MS, to_rfc3339
from chalicelib.kernel.problems import FORBIDDEN, STATE_CONFLICT, Problem
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import clock_key
from chalicelib.store.port import Absent, Equals, Item, Put
from chalicelib.store.schema import CLOCK
from chalicelib.web.call import Call
from chalicelib.web.tenant_clock import is_sandbox

FURTHEST_MS: Final = 20 * 366 * 86_400_000
"""Ids and reminders sort by time of a fixed width: nobody needs more than twenty years."""


def find_clock(call: Call) -> Item:
    """Return the tenant's clock, or one that was never moved; raise 403 for live tenants and for non-operators."""
    call.caller.require_operator()
    if not is_sandbox(call.tenant):
        raise Problem(FORBIDDEN, "Only a sandbox has a test clock.")
    clock: Item = call.bench.dynamo.get(clock_key(call.tenant)) or {"ah": 0, "v": 0}
    CLOCK.require(clock)
    return clock


def moving(call: Call, before: Item, advance_ms: int) -> tuple[Effect, Item]:
    """Return the write that moves the clock on, and the clock afterwards."""
    version, ahead_ms = cast("int", before["v"]), cast("int", before["ah"])
    after: Item = {"ah": ahead_ms + advance_ms, "v": version + 1}
    if cast("int", after["ah"]) > FURTHEST_MS:
        raise Problem(STATE_CONFLICT, "The clock is as far ahead as it can be.")
    same = Equals("v", version) if version else Absent()
    write = Put(clock_key(call.tenant), {**after, "lc": call.commit_key, "sc": CLOCK.written}, (same,))
    return Effect(write, lambda _: Stale()), after


def attributes(shown: Mapping[str, Any], commit_key: str, schema: int) -> Item:
    """Return what is stored of the clock that callers were shown."""
    return {"ah": shown["ahead_seconds"] * SECOND_MS, "v": shown["version"], "lc": commit_key, "sc": schema}


def resource(call: Call, clock: Item, now_at: int) -> dict[str, Any]:
    """Return the clock as callers see it."""
    return {
        "id": f"clock_{call.tenant}",
        "object": "test_clock",
        "now": to_rfc3339(now_at),
        "ahead_seconds": cast("int", clock["ah"]) // SECOND_MS,
        "version": clock["v"],
    }
