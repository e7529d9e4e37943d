"""Reading one account with its balance."""

from chalicelib.accounts.records import read_account, resource
from chalicelib.ledger.chart import is_account_id
from chalicelib.store import read
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer an account and its balance in minor units; 404 for what is not the caller's."""
    account = read_account(call.load("account", call.request.path_parameters["id"], is_account_id))
    balance = read.balance(call.bench.dynamo, call.tenant, account.id)
    money = {
        "posted": balance.posted_minor,
        "held": balance.held_minor,
        "available": balance.available_minor,
    }
    return call.show(resource(account) | {"balance": money})
