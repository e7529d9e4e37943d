"""What accounts look like on the wire."""

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from chalicelib.web.validate import Body, CurrencyCode, Metadata

PrincipalId = Annotated[StrictStr, Field(pattern=r"^prn_[0-9a-z]{1,60}$")]


class CreateAccount(Body):
    """`owner` is the principal that may debit the account; the caller's own unless an operator says otherwise."""

    currency: CurrencyCode
    kind: Literal["wallet", "merchant", "platform", "external"]
    owner: PrincipalId | None = None
    metadata: Metadata = Field(default_factory=dict)


class Nothing(Body):
    """The body of a request whose path says it all: empty, or an empty object."""
