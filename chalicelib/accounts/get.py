"""Reading one account with its balance, now or as of the past."""

from typing import Any

from chalicelib.accounts.account import Account
from chalicelib.accounts.as_of import asked_instant, asked_sequence, refuse_other_questions
from chalicelib.accounts.records import owned_account, resource
from chalicelib.accounts.statement import Statement
from chalicelib.kernel.clock import to_rfc3339
from chalicelib.kernel.problems import NOT_FOUND, Problem
from chalicelib.store import read
from chalicelib.store.read import Balance
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer an account and its balance in minor units; 404 for what is not the caller's."""
    account = owned_account(call)
    refuse_other_questions(call.request)
    at = asked_instant(call.request, call.now_at)
    sequence = asked_sequence(call.request, account.slices_total)
    if at is not None:
        return _show(call, account, _statement(call, account).balance_at(at), at=to_rfc3339(at))
    if sequence is not None:
        return _show(call, account, _after(call, account, sequence), sequence=sequence)
    return _show(call, account, read.balance(call.bench.dynamo, call.tenant, account.id, account.slices_total))


def _after(call: Call, account: Account, sequence: int) -> Balance:
    balance = _statement(call, account).balance_after(sequence)
    if balance is None:
        raise Problem(NOT_FOUND, f"The account has no entry {sequence}, or it is not on the statement yet.")
    return balance


def _statement(call: Call, account: Account) -> Statement:
    return Statement(call.bench.dynamo, call.tenant, account.id, account.slices_total)


def _show(call: Call, account: Account, balance: Balance, **as_of: Any) -> Reply:
    money = {
        "posted": balance.posted_minor,
        "held": balance.held_minor,
        "available": balance.available_minor,
    }
    if balance.spendable_minor is not None:
        money["spendable"] = balance.spendable_minor
    if account.negative_limit_minor is not None and not as_of:
        money["spendable"] = balance.available_minor + account.negative_limit_minor
    return call.show(resource(account) | {"balance": money} | ({"as_of": as_of} if as_of else {}))
