"""Freezing an account: credits go on, debits stop."""

from chalicelib.accounts.records import moving, read_account, resource
from chalicelib.ledger.chart import is_account_id
from chalicelib.web.call import Call, Change, Reply


def freeze(call: Call) -> Reply:
    """Stop debits of an account; holds made before may still be captured (409 unless it is open)."""
    call.caller.require_operator()
    before = read_account(call.load("account", call.request.path_parameters["id"], is_account_id))
    call.expect(before.version)
    after = before.freeze()
    return call.commit(
        Change(
            operation="accounts.freeze",
            status=200,
            resource=resource(after),
            events=("account.frozen",),
            effects=moving(call.tenant, before, after, call.commit_key),
        )
    )
