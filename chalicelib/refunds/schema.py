"""What refunds look like on the wire."""

from typing import Annotated

from pydantic import AfterValidator, StrictStr

from chalicelib.payments.records import is_payment_id
from chalicelib.web.validate import Amount, Body


def _payment(text: str) -> str:
    if not is_payment_id(text):
        raise ValueError("must be the id of a payment")
    return text


class CreateRefund(Body):
    """`amount` defaults to all that was captured and not refunded yet."""

    payment: Annotated[StrictStr, AfterValidator(_payment)]
    amount: Amount | None = None
