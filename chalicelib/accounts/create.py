"""Opening an account."""

from dataclasses import replace

from chalicelib.accounts.account import Account
from chalicelib.accounts.records import opening, resource
from chalicelib.accounts.schema import CreateAccount
from chalicelib.accounts.settings import opened_with_settings, require_settings
from chalicelib.kernel.problems import FORBIDDEN, Problem
from chalicelib.ledger.chart import ACCOUNT_PREFIX, RULES, AccountKind, AccountStatus
from chalicelib.web.call import Call, Change, Reply
from chalicelib.web.caller import Caller


def create(call: Call) -> Reply:
    """Open an account at zero; only an operator opens one for somebody else, or the ledger's own kinds."""
    wanted: CreateAccount = call.body
    kind = AccountKind(wanted.kind)
    owner = _owner(call.caller, wanted, kind)
    require_settings(call, kind, wanted.model_fields_set)
    default = Account(
        id=call.new_id(ACCOUNT_PREFIX, tag=RULES[kind].letter),
        kind=kind,
        currency=wanted.currency,
        owner=owner,
        status=AccountStatus.OPEN,
        metadata=wanted.metadata,
        version=1,
        created_at=call.now_at,
        slices=RULES[kind].slices,
        slices_total=RULES[kind].slices,
    )
    account = replace(opened_with_settings(call, default, wanted), version=1)
    return call.commit(
        Change(
            operation="accounts.create",
            status=201,
            resource=resource(account),
            events=("account.created",),
            effects=opening(call.tenant, account, call.commit_key),
        )
    )


def _owner(caller: Caller, wanted: CreateAccount, kind: AccountKind) -> str:
    """Decide who owns the account; money enters and leaves by external accounts, so they need a scope."""
    if kind in {AccountKind.EXTERNAL, AccountKind.PLATFORM}:
        caller.require_operator()
    if kind is AccountKind.EXTERNAL:
        caller.require_scope("external:write")
    owner = wanted.owner or caller.principal
    if owner != caller.principal and not caller.is_operator:
        raise Problem(FORBIDDEN, "Only an operator opens accounts for others.", param="owner")
    return owner
