"""Which settings an account of a kind can have, and who may choose them."""

from dataclasses import replace

from chalicelib.accounts.account import Account
from chalicelib.accounts.schema import CreateAccount, FeeRule, UpdateAccount
from chalicelib.kernel.problems import ACCOUNT_KIND_NOT_ALLOWED, FORBIDDEN, SETTING_NOT_ALLOWED, Problem
from chalicelib.ledger.chart import AccountKind, kind_of
from chalicelib.ledger.fees import Fee
from chalicelib.web.call import Call

OPERATORS = ("overdraft_limit", "slices", "fee", "negative_limit")
"""Settings that decide about other people's money or machines."""


def require_settings(call: Call, kind: AccountKind, given: set[str]) -> None:
    """Refuse a setting that the kind does not have (422), or that only an operator chooses (403)."""
    allowed = _settings_of(kind)
    for name in (one for one in OPERATORS if one in given):
        if not call.caller.is_operator:
            raise Problem(FORBIDDEN, f"Only an operator chooses {name}.", param=name)
        if name not in allowed:
            raise Problem(SETTING_NOT_ALLOWED, f"A {kind.value} account has no {name}.", param=name)


def _settings_of(kind: AccountKind) -> frozenset[str]:
    if kind is AccountKind.WALLET:
        return frozenset({"overdraft_limit"})
    return frozenset({"slices", "fee", "negative_limit"} if kind is AccountKind.MERCHANT else {"slices"})


def opened_with_settings(call: Call, default: Account, wanted: CreateAccount) -> Account:
    """Return a new account with its settings; it has exactly the slices it was given."""
    account = with_settings(call, default, wanted)
    return replace(account, slices_total=account.slices)


def with_settings(call: Call, before: Account, wanted: CreateAccount | UpdateAccount) -> Account:
    """Return the account with the operator's settings that are given."""
    after, given = before, wanted.model_fields_set
    if "overdraft_limit" in given and wanted.overdraft_limit is not None:
        after = after.with_overdraft(wanted.overdraft_limit)
    if "slices" in given and wanted.slices is not None:
        after = after.with_slices(wanted.slices)
    if "negative_limit" in given:
        after = after.with_negative_limit(wanted.negative_limit)
    if "fee" in given:
        after = after.with_fee(None if wanted.fee is None else _fee(call, after, wanted.fee))
    _require_one_slice_for_a_limit(after, given)
    return after


def _require_one_slice_for_a_limit(account: Account, given: set[str]) -> None:
    """A limit is a condition of the ledger's, and a condition sees one item."""
    if account.negative_limit_minor is not None and account.slices > 1:
        param = "negative_limit" if "negative_limit" in given else "slices"
        raise Problem(SETTING_NOT_ALLOWED, "An account with a negative limit has one slice.", param=param)


def _fee(call: Call, account: Account, rule: FeeRule) -> Fee:
    """Check that the fee has somewhere to go (one read): a platform's account of the same currency."""
    if kind_of(rule.account) is not AccountKind.PLATFORM:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Fees go to a platform account.", param="fee.account")
    call.require_creditable(rule.account, account.currency, param="fee.account")
    return Fee(rule.basis_points, rule.fixed, rule.account)
