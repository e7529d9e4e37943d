"""Changing an account's settings: one read and one commit."""

from chalicelib.accounts.account import Account
from chalicelib.accounts.gather import gathering
from chalicelib.accounts.records import moving, owned_account, resource
from chalicelib.accounts.schema import UpdateAccount
from chalicelib.accounts.settings import require_settings, with_settings
from chalicelib.web.call import Call, Change, Reply


def update(call: Call) -> Reply:
    """Change what is given; owners change metadata, operators everything (409 when a limit is used beyond it)."""
    before = owned_account(call)
    call.expect(before.version)
    require_settings(call, before.kind, call.body.model_fields_set)
    after = _updated(call, before)
    gathered = gathering(call, before, after)
    return call.commit(
        Change(
            operation="accounts.update",
            status=200,
            resource=resource(after),
            events=("account.updated",),
            effects=moving(call.tenant, before, after, call.commit_key, gathered),
            entry=gathered.entry(),
            posted_by_effects=True,
        )
    )


def _updated(call: Call, before: Account) -> Account:
    wanted: UpdateAccount = call.body
    after = before.with_metadata(before.metadata if wanted.metadata is None else wanted.metadata)
    return with_settings(call, after, wanted).as_one_change(before)
