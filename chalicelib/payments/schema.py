"""What payments look like on the wire."""

from typing import Literal

from pydantic import Field

from chalicelib.web.validate import AccountId, Amount, Body, CurrencyCode, FreeText, Reference, SmallMetadata


class CreatePayment(Body):
    """`capture: manual` holds the funds for a later capture.

    `reference` is the payee's name for what is paid (an order): no two payments to one payee bear the same.
    """

    amount: Amount
    currency: CurrencyCode
    payer: AccountId
    payee: AccountId
    capture: Literal["automatic", "manual"] = "automatic"
    reference: Reference | None = None
    description: FreeText | None = None
    metadata: SmallMetadata = Field(default_factory=dict)


class CapturePayment(Body):
    """`amount` defaults to all that is held; `final` gives what is left of the hold back."""

    amount: Amount | None = None
    final: bool = False


class CancelPayment(Body):
    """The path says it all."""
