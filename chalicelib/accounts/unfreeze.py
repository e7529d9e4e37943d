"""Unfreezing an account: debits are allowed again."""

from chalicelib.accounts.records import moving, read_account, resource
from chalicelib.ledger.chart import is_account_id
from chalicelib.web.call import Call, Change, Reply


def unfreeze(call: Call) -> Reply:
    """Allow debits of an account again (409 unless it is frozen)."""
    call.caller.require_operator()
    before = read_account(call.load("account", call.request.path_parameters["id"], is_account_id))
    call.expect(before.version)
    after = before.unfreeze()
    return call.commit(
        Change(
            operation="accounts.unfreeze",
            status=200,
            resource=resource(after),
            events=("account.unfrozen",),
            effects=moving(call.tenant, before, after, call.commit_key),
        )
    )
