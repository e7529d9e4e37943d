"""Listing the entries of an account: its statement, newest first, with the running balance."""

import re
from typing import Any, Final

from chalicelib.accounts.records import owned_account
from chalicelib.accounts.statement import Statement
from chalicelib.kernel.clock import to_rfc3339
from chalicelib.kernel.page import Page
from chalicelib.projections.records import Line
from chalicelib.web.call import Call, Reply
from chalicelib.web.paging import window

_ENTRY: Final = re.compile(r"[0-9]{1,2}\.[1-9][0-9]{0,11}")


def entries(call: Call) -> Reply:
    """Answer a page of an account's entries; they appear moments after the commits that made them."""
    account = owned_account(call)
    asked = window(call.request, lambda text: _ENTRY.fullmatch(text) is not None)
    found = Statement(call.bench.dynamo, call.tenant, account.id, account.slices_total).page(asked)
    rows = tuple(_show(line, account.currency) for line in found.rows)
    return call.show_page(Page(rows, found.has_more), backwards=asked.ending_before is not None)


def _show(line: Line, currency: str) -> dict[str, Any]:
    """Show what moved and what stood afterwards; on an account of several slices the balance is its slice's."""
    posted_minor, held_minor = line.balance_posted_minor, line.balance_held_minor
    return {
        "id": line.id,
        "object": "entry",
        "sequence": line.sequence,
        "slice": line.slice_number,
        "amount": line.posted_minor,
        "held": line.held_minor,
        "currency": currency,
        "balance": {"posted": posted_minor, "held": held_minor, "available": posted_minor - held_minor},
        "operation": line.operation,
        "source": line.object_id,
        "created_at": to_rfc3339(line.at),
    }
