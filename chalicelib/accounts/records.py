"""The items of an account: `account` once, `balance` once per slice, `owned` once for its owner's list."""

from collections.abc import Mapping
from typing import Any, cast

from chalicelib.accounts.account import Account
from chalicelib.kernel.clock import instant, to_rfc3339
from chalicelib.kernel.problems import Problem
from chalicelib.ledger.chart import AccountKind, AccountStatus, has_floor, slices_of
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import balance_key, owned_key, state_key
from chalicelib.store.port import Absent, Equals, Exists, Item, Put, Update

SCHEMA = 1


def opening(tenant: str, account: Account, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that make an account: settings, balances at zero, the owner's line."""
    key = state_key(tenant, "account", account.id)
    state = Put(key, attributes(account, commit_key), (Absent(),))
    line = Put(owned_key(tenant, account.owner, account.id), {"sc": SCHEMA}, (Absent(),))
    balances = [
        Put(balance_key(tenant, account.id, number), zero(account, commit_key), (Absent(),))
        for number in range(slices_of(account.id))
    ]
    # Only a clash of 80 random bits could make these fail: Stale draws a new id.
    return tuple(Effect(write, lambda _: Stale()) for write in (state, line, *balances))


def moving(tenant: str, before: Account, after: Account, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that change an account's status: conditional on the version it was decided from."""
    state = Update(
        state_key(tenant, "account", after.id),
        set={"s": after.status.value, "v": after.version, "lc": commit_key},
        when=(Equals("v", before.version),),
    )
    balances = [
        Update(balance_key(tenant, after.id, number), set={"s": after.status.value}, when=(Exists(),))
        for number in range(slices_of(after.id))
    ]
    return (Effect(state, lambda _: Stale()), *(Effect(write, _lost) for write in balances))


def read_account(item: Item) -> Account:
    """Decode an `account` item."""
    return Account(
        id=cast("str", item["sk"]),
        kind=AccountKind(cast("str", item["k"])),
        currency=cast("str", item["c"]),
        owner=cast("str", item["o"]),
        status=AccountStatus(cast("str", item["s"])),
        metadata=cast("dict[str, str]", item["md"]),
        version=cast("int", item["v"]),
        created_at=cast("int", item["t"]),
    )


def restored(shown: Mapping[str, Any]) -> Account:
    """Return the account that callers were shown: that is all there is of it, but for its money."""
    return Account(
        id=shown["id"],
        kind=AccountKind(shown["kind"]),
        currency=shown["currency"],
        owner=shown["owner"],
        status=AccountStatus(shown["status"]),
        metadata=shown["metadata"],
        version=shown["version"],
        created_at=instant(shown["created_at"]),
    )


def resource(account: Account) -> dict[str, Any]:
    """Return the account as callers see it; no answer to a POST carries a balance."""
    return {
        "id": account.id,
        "object": "account",
        "kind": account.kind.value,
        "currency": account.currency,
        "owner": account.owner,
        "status": account.status.value,
        "metadata": account.metadata,
        "version": account.version,
        "created_at": to_rfc3339(account.created_at),
    }


def attributes(account: Account, commit_key: str) -> Item:
    return {
        "k": account.kind.value,
        "c": account.currency,
        "o": account.owner,
        "s": account.status.value,
        "md": dict(account.metadata),
        "v": account.version,
        "t": account.created_at,
        "lc": commit_key,
        "sc": SCHEMA,
    }


def zero(account: Account, commit_key: str) -> Item:
    zero: dict[str, Any] = {
        "o": account.owner,
        "c": account.currency,
        "s": account.status.value,
        "p": 0,
        "h": 0,
        "q": 0,
        "lc": commit_key,
        "sc": SCHEMA,
    }
    return zero | ({"f": 0} if has_floor(account.id) else {})


def _lost(_: Item | None) -> Problem | Stale:
    raise AssertionError("an account without its balance items cannot be made")
