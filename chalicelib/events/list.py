"""Listing events: the operator's view of everything that happened."""

from chalicelib.events.horizon import CLOCKS_APART_SECONDS, horizon_id
from chalicelib.kernel.page import Page, Window
from chalicelib.kernel.problems import INVALID_CURSOR, Problem
from chalicelib.projections.records import event, is_event_id
from chalicelib.store import read
from chalicelib.web.call import Call, Reply


def list_events(call: Call) -> Reply:
    """Answer a page of events, newest first, none younger than ten seconds (400 for a cursor that is younger)."""
    call.caller.require_operator()
    asked = call.window("event", is_event_id)
    found = read.page_before(call.bench.dynamo, call.tenant, "event", asked, _limit_id(call, asked))
    rows = tuple(event(item) for item in found.rows)
    return call.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)


def _limit_id(call: Call, asked: Window) -> str:
    """Return what sorts after every event of the page.

    What lies before an event that was shown may be shown, even if the clock of this environment is behind that of the
    one that showed it: with a horizon of its own the next page would leave out what lies between the two. What no clock
    can have shown is a young id from an object's history; before it there may be events that are not there yet.
    """
    cursor = asked.starting_after
    if cursor is None:
        return horizon_id(call.bench.clock)
    if cursor >= horizon_id(call.bench.clock, ahead_seconds=CLOCKS_APART_SECONDS):
        raise Problem(INVALID_CURSOR, f"Event {cursor} is too young to be listed.", param="starting_after")
    return cursor
