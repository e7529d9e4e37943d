"""Listing accounts: an operator sees the tenant's, everybody else their own."""

from chalicelib.accounts.records import read_account, resource
from chalicelib.kernel.page import Page
from chalicelib.ledger.chart import is_account_id
from chalicelib.store import read
from chalicelib.store.port import Item
from chalicelib.web.call import Call, Reply


def list_accounts(call: Call) -> Reply:
    """Answer a page of accounts, newest first, without balances."""
    if call.caller.is_operator:
        return call.page("account", is_account_id, _show)
    asked = call.window("account", is_account_id)
    dynamo = call.bench.dynamo
    lines = read.owned_page(dynamo, call.tenant, call.caller.principal, asked)
    items = [call.load("account", str(line["sk"]), is_account_id) for line in lines.rows]
    rows = tuple(_show(item) for item in items)
    return call.show_page(Page(rows, lines.has_more), backwards=asked.ending_before is not None)


def _show(item: Item) -> dict[str, object]:
    return resource(read_account(item))
