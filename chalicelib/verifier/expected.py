"""What the commits say the ledger's items are: states and what stands beside them, balances, the test clock."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, cast

from chalicelib.accounts import records as accounts
from chalicelib.accounts.account import Account
from chalicelib.clocks import records as clocks
from chalicelib.payments import records as payments
from chalicelib.payments.payment import Payment
from chalicelib.refunds import records as refunds
from chalicelib.store.keys import balance_key, clock_key, due_key, owned_key, reference_key, state_key
from chalicelib.store.port import Item, Key
from chalicelib.store.schema import ACCOUNT, BALANCE, CLOCK, PAYMENT, REFUND, TRANSFER
from chalicelib.transfers import records as transfers
from chalicelib.verifier.journal import Entry, Journal

Items = dict[Key, Item]
Steps = list[tuple[int, Entry]]
Found = Mapping[Key, Item]

NOTHING_FOUND: Final[Found] = MappingProxyType({})


def object_items(
    tenant: str, journal: Journal, identifier: str, found: Found = NOTHING_FOUND, version: int | None = None
) -> Items:
    """Return the items of one object as of a version (the newest unless given), without its money.

    Each has the schema that it was found in: what another release wrote is right in the shape of that release.

    Nothing where a version is missing among the commits: that is a break of its own.
    """
    steps = [step for step in journal.by_object.get(identifier, []) if version is None or step[0] <= version]
    restore = _RESTORE.get(identifier.partition("_")[0])
    whole = [number for number, _ in steps] == list(range(1, len(steps) + 1))
    return restore(tenant, journal, identifier, steps, found) if steps and whole and restore else {}


def account_of(journal: Journal, identifier: str) -> Account:
    """Return an account as its newest commit left it."""
    return accounts.restored(_left(journal.by_object[identifier], identifier))


def balance_items(tenant: str, journal: Journal, account: Account, found: Found = NOTHING_FOUND) -> Items:
    """Return the balance items of an account: the sum of its legs."""
    keys = [balance_key(tenant, account.id, number) for number in range(account.slices_total)]
    return {key: _balance(journal, account, number, BALANCE.like(found.get(key))) for number, key in enumerate(keys)}


def _balance(journal: Journal, account: Account, number: int, schema: int) -> Item:
    legs = journal.by_slice.get((account.id, number), [])
    last = legs[-1][1] if legs else _maker(journal, account.id, number)
    item = dict(accounts.zero(account, last.key, schema))
    item["p"] = sum(leg.posted_minor for leg, _ in legs)
    item["h"] = sum(leg.held_minor for leg, _ in legs)
    item["q"] = len(legs)
    if "f" in item:
        item["f"] = cast("int", item["f"]) + sum(leg.spendable_minor for leg, _ in legs)
    return item


def _maker(journal: Journal, account: str, number: int) -> Entry:
    """Return the commit that made a slice: the first after which the account had so many."""
    steps = journal.by_object[account]
    pictures = ((accounts.restored(left), entry) for _, entry in steps if (left := entry.left(account)) is not None)
    return next(entry for picture, entry in pictures if picture.slices_total > number)


def _left(steps: Steps, identifier: str) -> Mapping[str, Any]:
    """Return the newest picture of an object."""
    pictures = (entry.left(identifier) for _, entry in reversed(steps))
    return next(picture for picture in pictures if picture is not None)


def _account(tenant: str, _: Journal, identifier: str, steps: Steps, found: Found) -> Items:
    account = accounts.restored(_left(steps, identifier))
    key, owned = state_key(tenant, "account", identifier), owned_key(tenant, account.owner, identifier)
    return {
        key: accounts.attributes(account, steps[-1][1].key, ACCOUNT.like(found.get(key))),
        owned: {"sc": ACCOUNT.like(found.get(owned))},
    }


def _payment(tenant: str, _: Journal, identifier: str, steps: Steps, found: Found) -> Items:
    payment = _paid(identifier, steps)
    key = state_key(tenant, "payment", identifier)
    items: Items = {key: payments.attributes(payment, steps[-1][1].key, PAYMENT.like(found.get(key)))}
    if payment.held_minor and payment.capture_before_at is not None:
        due = due_key(tenant, "payment", payment.capture_before_at, identifier)
        items[due] = {"sc": PAYMENT.like(found.get(due))}
    if payment.reference is not None and payment.holds_reference:
        taken = reference_key(tenant, payment.payee, payment.reference)
        items[taken] = {"py": identifier, "o": payment.owner, "sc": PAYMENT.like(found.get(taken))}
    return items


def _paid(identifier: str, steps: Steps) -> Payment:
    """Replay the steps: a refund's commit shows the refund, and the payment follows from it."""
    owner = cast("str", steps[0][1].item["pn"])
    payment: Payment | None = None
    for version, entry in steps:
        shown = entry.left(identifier)
        if shown is not None:
            payment = payments.restored(shown, owner)
        elif payment is not None:
            refunded_minor = payment.refunded_minor + cast("int", entry.snapshot["amount"])
            payment = replace(payment, refunded_minor=refunded_minor, version=version)
    assert payment is not None, f"no commit shows {identifier}"
    return payment


def _refund(tenant: str, journal: Journal, identifier: str, steps: Steps, found: Found) -> Items:
    shown = _left(steps, identifier)
    owner = cast("str", journal.by_object[shown["payment"]][0][1].item["pn"])
    refund = refunds.restored(shown, owner)
    key = state_key(tenant, "refund", identifier)
    return {key: refunds.attributes(refund, steps[-1][1].key, REFUND.like(found.get(key)))}


def _transfer(tenant: str, _: Journal, identifier: str, steps: Steps, found: Found) -> Items:
    owner = cast("str", steps[0][1].item["pn"])
    transfer = transfers.restored(_left(steps, identifier), owner)
    key = state_key(tenant, "transfer", identifier)
    items: Items = {key: transfers.attributes(transfer, steps[-1][1].key, TRANSFER.like(found.get(key)))}
    if transfer.due_at is not None:
        due = due_key(tenant, "transfer", transfer.due_at, identifier)
        items[due] = {"sc": TRANSFER.like(found.get(due))}
    return items


def _clock(tenant: str, _: Journal, identifier: str, steps: Steps, found: Found) -> Items:
    shown, key = _left(steps, identifier), clock_key(tenant)
    return {key: clocks.attributes(shown, steps[-1][1].key, CLOCK.like(found.get(key)))}


_RESTORE: Final[Mapping[str, Callable[[str, Journal, str, Steps, Found], Items]]] = {
    "acct": _account,
    "pay": _payment,
    "re": _refund,
    "tr": _transfer,
    "clock": _clock,
}
