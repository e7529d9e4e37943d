"""Giving a mandate: another principal may debit the account from the next commit on."""

from chalicelib.accounts.records import mandated, owned_account
from chalicelib.accounts.schema import Mandate
from chalicelib.web.call import Call, Reply


def grant(call: Call) -> Reply:
    """Let a principal debit a wallet (409 if it may already, 422 beyond ten)."""
    wanted: Mandate = call.body
    before = owned_account(call)
    call.expect(before.version)
    return mandated(call, before, before.grant(wanted.principal), "grant", "account.mandate_granted")
