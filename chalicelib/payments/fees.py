"""The payee's fee on a capture: from what is believed of the payee, which the posting's condition holds us to."""

from collections.abc import Mapping

from chalicelib.ledger.chart import AccountKind, kind_of
from chalicelib.ledger.entry import Entry
from chalicelib.ledger.fees import Fee
from chalicelib.ledger.movements import Place, less_fee
from chalicelib.payments.payment import Payment
from chalicelib.store.posting import Side
from chalicelib.web.call import Call


def fee_of(call: Call, payee: str) -> Fee | None:
    """Return the fee of a payee; only merchants have one. Without a read, unless an earlier posting was in vain."""
    return call.facts(payee).fee if kind_of(payee) is AccountKind.MERCHANT else None


def charge(call: Call, entry: Entry, payee: Place, before: Payment | None, after: Payment) -> Entry:
    """Add the fee's legs to the entry of a capture."""
    fee = fee_of(call, after.payee)
    charged_minor = after.fee_minor - (before.fee_minor if before else 0)
    if fee is None or not charged_minor:
        return entry
    return less_fee(entry, payee, call.place(fee.account), charged_minor, after.currency)


def fee_sides(call: Call, payee: str) -> Mapping[str, Side]:
    """Return the side of the account that the fee goes to."""
    fee = fee_of(call, payee)
    return {fee.account: Side("payee")} if fee else {}
