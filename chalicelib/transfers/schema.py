"""What transfers look like on the wire."""

from chalicelib.web.validate import AccountId, Amount, Body, CurrencyCode


class CreateTransfer(Body):
    """Both accounts are kept in `currency`."""

    source: AccountId
    destination: AccountId
    amount: Amount
    currency: CurrencyCode
