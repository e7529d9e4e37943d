"""Listing events: the operator's view of everything that happened."""

from chalicelib.events.horizon import horizon_id
from chalicelib.kernel.page import Page
from chalicelib.projections.records import event, is_event_id
from chalicelib.store import read
from chalicelib.web.call import Call, Reply


def list_events(call: Call) -> Reply:
    """Answer a page of events, newest first, none younger than ten seconds."""
    call.caller.require_operator()
    asked = call.window("event", is_event_id)
    found = read.page_before(call.bench.dynamo, call.tenant, "event", asked, horizon_id(call.bench.clock))
    rows = tuple(event(item) for item in found.rows)
    return call.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)
