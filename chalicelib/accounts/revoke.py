"""Ending a mandate: the principal debits nothing from the next commit on."""

from chalicelib.accounts.records import mandated, owned_account
from chalicelib.accounts.schema import Mandate
from chalicelib.web.call import Call, Reply


def revoke(call: Call) -> Reply:
    """Take a mandate back (409 if there is none); what it has held may still be captured."""
    wanted: Mandate = call.body
    before = owned_account(call)
    call.expect(before.version)
    return mandated(call, before, before.revoke(wanted.principal), "revoke", "account.mandate_revoked")
