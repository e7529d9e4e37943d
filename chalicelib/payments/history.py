"""Listing what happened to a payment, newest first."""

from typing import cast

from chalicelib.kernel.page import Page, Window
from chalicelib.kernel.problems import INVALID_CURSOR, Problem
from chalicelib.payments.records import visible_payment
from chalicelib.projections.records import is_event_id, step
from chalicelib.store import read
from chalicelib.store.keys import history_key
from chalicelib.web.call import Call, Reply
from chalicelib.web.paging import window


def history(call: Call) -> Reply:
    """Answer a page of a payment's history; a step appears moments after the commit that made it."""
    payment = visible_payment(call, call.request.path_parameters["id"])
    asked = window(call.request, is_event_id)
    places = Window(
        asked.limit,
        _place(call, payment.id, asked.starting_after),
        _place(call, payment.id, asked.ending_before),
    )
    found = read.history_page(call.bench.dynamo, call.tenant, payment.id, places)
    rows = tuple(step(item) for item in found.rows)
    return call.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)


def _place(call: Call, payment: str, cursor: str | None) -> str | None:
    """Turn the id of an event of this payment into its place in the history."""
    if cursor is None:
        return None
    item = read.load(call.bench.dynamo, call.tenant, "event", cursor)
    if item is None or item["o"] != payment:
        raise Problem(INVALID_CURSOR, f"This payment's history has no {cursor}.")
    return history_key(call.tenant, payment, cast("int", item["v"]), cast("str", item["k"])).sk
