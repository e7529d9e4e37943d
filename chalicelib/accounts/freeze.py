"""Freezing an account: credits go on, debits stop."""

from chalicelib.accounts.records import moving, owned_account, resource
from chalicelib.web.call import Call, Change, Reply


def freeze(call: Call) -> Reply:
    """Stop debits of an account; holds made before may still be captured (409 unless it is open)."""
    call.caller.require_operator()
    before = owned_account(call)
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
