"""A payee's reference: no two payments to one payee bear the same, whatever their keys.

The guard is an item of its own in the payment's commit. It is given back by a cancel or an expiry after which nothing
was paid, so that the order can be paid anew; a decline never takes it.
"""

from typing import cast

from chalicelib.kernel.problems import REFERENCE_TAKEN, Problem
from chalicelib.payments.payment import Payment
from chalicelib.payments.records import moving
from chalicelib.store.commit import Effect, Stale
from chalicelib.store.keys import reference_key
from chalicelib.store.port import Absent, Delete, Equals, Item, Put
from chalicelib.store.schema import PAYMENT


def taking(tenant: str, payment: Payment) -> tuple[Effect, ...]:
    """Return the write that takes a payment's reference, if it bears one; a decline takes none."""
    if payment.reference is None:
        return ()
    key = reference_key(tenant, payment.payee, payment.reference)
    put = Put(key, {"py": payment.id, "o": payment.owner, "sc": PAYMENT.written}, (Absent(),))
    return (Effect(put, lambda item: _taken(payment, item)),)


def _taken(payment: Payment, item: Item | None) -> Problem:
    """Name the other payment only to who made it."""
    other = " by " + cast("str", item["py"]) if item and item["o"] == payment.owner else ""
    return Problem(REFERENCE_TAKEN, f"The reference {payment.reference} is taken{other}.", param="reference")


def ending(tenant: str, before: Payment, after: Payment, commit_key: str) -> tuple[Effect, ...]:
    """Return the writes that end a hold; a payment that came to nothing gives its reference back."""
    moved = moving(tenant, before, after, commit_key)
    if after.reference is None or not after.frees_reference:
        return (moved,)
    key = reference_key(tenant, after.payee, after.reference)
    return (moved, Effect(Delete(key, (Equals("py", after.id),)), lambda _: Stale()))
