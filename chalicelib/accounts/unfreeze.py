"""Unfreezing an account: debits are allowed again."""

from chalicelib.accounts.records import moving, owned_account, resource
from chalicelib.web.call import Call, Change, Reply


def unfreeze(call: Call) -> Reply:
    """Allow debits of an account again (409 unless it is frozen)."""
    call.caller.require_operator()
    before = owned_account(call)
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
