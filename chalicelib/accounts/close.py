"""Closing an account: for good, and only when it is empty."""

from typing import cast

from chalicelib.accounts.account import Account
from chalicelib.accounts.records import closing, owned_account, resource
from chalicelib.kernel.problems import STATE_CONFLICT, Problem
from chalicelib.ledger.entry import Entry, Leg
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Item
from chalicelib.store.schema import BALANCE
from chalicelib.web.call import Call, Change, Reply


def close(call: Call) -> Reply:
    """End an account with nothing posted and nothing held (409 otherwise); only the owner or an operator may.

    The slices of an account may each hold money though their sum is zero: the same commit brings each to zero.
    """
    before = owned_account(call)
    call.expect(before.version)
    after = before.close()
    slices = _slices(call, before)
    _require_empty(before, slices)
    entry = Entry(tuple(_to_zero(before, number, item) for number, item in enumerate(slices) if item["p"]))
    return call.commit(
        Change(
            operation="accounts.close",
            status=200,
            resource=resource(after),
            events=("account.closed",),
            effects=closing(call.tenant, before, after, slices, call.commit_key),
            entry=entry,
            posted_by_effects=True,
        )
    )


def _slices(call: Call, account: Account) -> list[Item]:
    items = [call.bench.dynamo.get(balance_key(call.tenant, account.id, n)) for n in range(account.slices_total)]
    slices = [item for item in items if item is not None]
    for item in slices:
        BALANCE.require(item)
    return slices


def _require_empty(account: Account, slices: list[Item]) -> None:
    posted_minor = sum(cast("int", item["p"]) for item in slices)
    held_minor = sum(cast("int", item["h"]) for item in slices)
    if posted_minor or held_minor:
        detail = f"Account {account.id} still has {posted_minor} posted and {held_minor} held."
        raise Problem(STATE_CONFLICT, detail)


def _to_zero(account: Account, number: int, item: Item) -> Leg:
    return Leg(account.id, number, account.currency, posted_minor=-cast("int", item["p"]))
