"""The items of an account: `account` once, `balance` once per slice, `owned` once for its owner's list."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from chalicelib.accounts.account import Account
from chalicelib.accounts.gather import Gathering
from chalicelib.kernel.clock import instant, to_rfc3339
from chalicelib.kernel.problems import ACCOUNT_KIND_NOT_ALLOWED, STATE_CONFLICT, Problem
from chalicelib.ledger.chart import AccountKind, AccountStatus, is_account_id, slices_of
from chalicelib.ledger.fees import Fee
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.facts import AccountFacts, facts_attributes
from chalicelib.store.keys import balance_key, owned_key, state_key
from chalicelib.store.port import Absent, AtLeast, Condition, Equals, Exists, Item, Put, Update, Value
from chalicelib.store.schema import ACCOUNT, BALANCE
from chalicelib.web.call import Call, Change, Reply


def opening(tenant: str, account: Account, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that make an account: settings, balances at zero, the owner's line."""
    key = state_key(tenant, "account", account.id)
    state = Put(key, attributes(account, commit_key), (Absent(),))
    line = Put(owned_key(tenant, account.owner, account.id), {"sc": ACCOUNT.written}, (Absent(),))
    balances = [
        Put(balance_key(tenant, account.id, number), zero(account, commit_key), (Absent(),))
        for number in range(account.slices_total)
    ]
    # Only a clash of 80 random bits could make these fail: Stale draws a new id.
    return tuple(Effect(write, lambda _: Stale()) for write in (state, line, *balances))


def moving(
    tenant: str, before: Account, after: Account, commit_key: str, gathered: Gathering | None = None
) -> tuple[Effect, ...]:
    """Return the writes that change an account's settings: conditional on the version it was decided from.

    What a posting has to know stands on every balance item too, so that the very next posting sees it.
    """
    state = Put(state_key(tenant, "account", after.id), attributes(after, commit_key), (Equals("v", before.version),))
    effects = [Effect(state, lambda _: Stale())]
    if _for_postings(before) != _for_postings(after):
        gathered = gathered or Gathering(after)
        effects += [_balance(tenant, before, gathered, number, commit_key) for number in range(after.slices_total)]
    return tuple(effects)


def _balance(tenant: str, before: Account, gathered: Gathering, number: int, commit_key: str) -> Effect:
    after = gathered.account
    key = balance_key(tenant, after.id, number)
    if number >= before.slices_total:
        return Effect(Put(key, zero(after, commit_key), (Absent(),)), lambda _: Stale())
    old, new = _on_balance(before), _on_balance(after)
    moved_minor = gathered.moved_minor(number) if gathered.others else 0
    raised_minor = after.overdraft_minor - before.overdraft_minor
    add = {"p": moved_minor, "q": 1 if moved_minor else 0, "f": raised_minor}
    write = Update(
        key,
        set=new | ({"lc": commit_key} if moved_minor else {}),
        add={name: amount for name, amount in add.items() if amount},
        remove=tuple(sorted(old.keys() - new.keys())),
        when=(*_moves(before, gathered, number), BALANCE.readable),
    )
    return Effect(write, (lambda _: Stale()) if number in gathered.others else (lambda item: _used(after, item)))


def _moves(before: Account, gathered: Gathering, number: int) -> tuple[Condition, ...]:
    """A limit is not below what is used of it, and what is gathered has not moved since it was read."""
    after = gathered.account
    lowered_minor = before.overdraft_minor - after.overdraft_minor
    if number in gathered.others:
        item = gathered.others[number]
        return (Equals("q", item["q"]), Equals("p", item["p"]))
    if after.negative_limit_minor is not None:
        return (AtLeast("p", -after.negative_limit_minor - gathered.total_minor),)
    return (AtLeast("f", lowered_minor),) if lowered_minor > 0 else (Exists(),)


def _used(after: Account, item: Item | None) -> Problem:
    assert item is not None, "an account without its balance items cannot be made"
    BALANCE.require(item)
    param = "overdraft_limit" if after.has_floor else "negative_limit"
    return Problem(STATE_CONFLICT, f"Account {after.id} has gone further below zero than this.", param=param)


def _for_postings(account: Account) -> tuple[dict[str, Value], int, int]:
    return _on_balance(account), account.slices_total, account.overdraft_minor


def _on_balance(account: Account) -> dict[str, Value]:
    """Return what of the settings stands on the balance items."""
    settings: dict[str, Value] = {"s": account.status.value}
    if account.mandates:
        settings["m"] = frozenset(account.mandates)
    if account.has_floor:
        return settings
    facts = AccountFacts(account.revision, account.slices, account.fee, account.negative_limit_minor)
    return settings | facts_attributes(facts)


def closing(
    tenant: str, before: Account, after: Account, slices: Sequence[Item], commit_key: str
) -> tuple[Effect, ...]:
    """Return the writes that close an account whose balance items are as they were read: nothing may have moved since.

    A slice that is brought to zero is written here, in the one update of its item, with its next sequence.
    """
    state = Put(state_key(tenant, "account", after.id), attributes(after, commit_key), (Equals("v", before.version),))
    effects = [Effect(state, lambda _: Stale())]
    for number, item in enumerate(slices):
        posted_minor = cast("int", item["p"])
        moved: dict[str, Value] = {"lc": commit_key} if posted_minor else {}
        write = Update(
            balance_key(tenant, after.id, number),
            set={"s": after.status.value, **moved},
            add={"p": -posted_minor, "q": 1} if posted_minor else {},
            when=(Equals("q", item["q"]), Equals("p", posted_minor), Equals("h", 0)),
        )
        effects.append(Effect(write, lambda _: Stale()))
    return tuple(effects)


def owned_account(call: Call) -> Account:
    """Return the account that the path names, for its owner or an operator; 404 for everybody else."""
    return read_account(call.load("account", call.request.path_parameters["id"], is_account_id))


def mandated(call: Call, before: Account, after: Account, verb: str, event: str) -> Reply:
    """Commit a change of an account's mandates (422 for an account that nobody debits by mandate)."""
    if before.kind is not AccountKind.WALLET:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Mandates are for wallets.", param="id")
    return call.commit(
        Change(
            operation=f"accounts.{verb}",
            status=200,
            resource=resource(after),
            events=(event,),
            effects=moving(call.tenant, before, after, call.commit_key),
        )
    )


def read_account(item: Item) -> Account:
    """Decode an `account` item."""
    ACCOUNT.require(item)
    return Account(
        id=cast("str", item["sk"]),
        kind=AccountKind(cast("str", item["k"])),
        currency=cast("str", item["c"]),
        owner=cast("str", item["o"]),
        status=AccountStatus(cast("str", item["s"])),
        metadata=cast("dict[str, str]", item["md"]),
        version=cast("int", item["v"]),
        created_at=cast("int", item["t"]),
        overdraft_minor=cast("int", item.get("ol", 0)),
        mandates=tuple(cast("list[str]", item.get("mn", []))),
        slices=cast("int", item.get("n", slices_of(cast("str", item["sk"])))),
        slices_total=cast("int", item.get("nt", slices_of(cast("str", item["sk"])))),
        revision=cast("int", item.get("r", 1)),
        fee=_read_fee(cast("dict[str, Any] | None", item.get("fe"))),
        negative_limit_minor=cast("int | None", item.get("nl")),
    )


def _read_fee(row: Mapping[str, Any] | None) -> Fee | None:
    return Fee(row["b"], row["x"], row["a"]) if row else None


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
        overdraft_minor=shown.get("overdraft_limit", 0),
        mandates=tuple(shown.get("mandates", ())),
        slices=shown.get("slices", 1),
        slices_total=shown.get("slices_total", 1),
        revision=shown.get("revision", 1),
        fee=_shown_fee(shown.get("fee")),
        negative_limit_minor=shown.get("negative_limit"),
    )


def _shown_fee(shown: Mapping[str, Any] | None) -> Fee | None:
    return Fee(shown["basis_points"], shown["fixed"], shown["account"]) if shown else None


def resource(account: Account) -> dict[str, Any]:
    """Return the account as callers see it; no answer to a POST carries a balance."""
    shown: dict[str, Any] = {
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
    if account.has_floor:
        return shown | {"overdraft_limit": account.overdraft_minor, "mandates": list(account.mandates)}
    fee = account.fee
    charged = fee and {"basis_points": fee.basis_points, "fixed": fee.fixed_minor, "account": fee.account}
    slices = {"slices": account.slices, "slices_total": account.slices_total, "revision": account.revision}
    return (
        shown
        | slices
        | (
            {"fee": charged, "negative_limit": account.negative_limit_minor}
            if account.kind is AccountKind.MERCHANT
            else {}
        )
    )


def attributes(account: Account, commit_key: str, schema: int = ACCOUNT.written) -> Item:
    always: dict[str, Value] = {
        "k": account.kind.value,
        "c": account.currency,
        "o": account.owner,
        "s": account.status.value,
        "md": dict(account.metadata),
        "v": account.version,
        "t": account.created_at,
        "lc": commit_key,
        "sc": schema,
    }
    fee = account.fee
    optional: dict[str, Value] = {
        "ol": account.overdraft_minor or None,
        "mn": list(account.mandates) or None,
        "fe": {"b": fee.basis_points, "x": fee.fixed_minor, "a": fee.account} if fee else None,
        "nl": account.negative_limit_minor,
    }
    if not account.has_floor:
        optional |= {"n": account.slices, "nt": account.slices_total, "r": account.revision}
    return always | {name: value for name, value in optional.items() if value is not None}


def zero(account: Account, commit_key: str, schema: int = BALANCE.written) -> Item:
    """Return a balance item at zero, with all that postings have to know of its account."""
    empty: dict[str, Value] = {
        "o": account.owner,
        "c": account.currency,
        "p": 0,
        "h": 0,
        "q": 0,
        "lc": commit_key,
        "sc": schema,
    }
    return empty | _on_balance(account) | ({"f": account.overdraft_minor} if account.has_floor else {})
