"""Listing events: the operator's view of everything that happened."""

from chalicelib.events.horizon import horizon_id
from chalicelib.kernel.page import Page, Window
from chalicelib.projections.records import event, is_event_id
from chalicelib.store import read
from chalicelib.web.call import Call, Reply


def list_events(call: Call) -> Reply:
    """Answer a page of events, newest first, none younger than ten seconds."""
    call.caller.require_operator()
    asked = call.window("event", is_event_id)
    found = read.page_before(call.bench.dynamo, call.tenant, "event", asked, _limit_id(call, asked))
    rows = tuple(event(item) for item in found.rows)
    return call.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)


def _limit_id(call: Call, asked: Window) -> str:
    """Return what sorts after every event of the page.

    What lies before an event that was shown may be shown, even if the clock of this environment is behind that of the
    one that showed it: with a horizon of its own the next page would leave out what lies between the two.
    """
    return asked.starting_after or horizon_id(call.bench.clock)
