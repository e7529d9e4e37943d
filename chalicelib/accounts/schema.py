"""What accounts look like on the wire."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, StrictStr, model_validator

from chalicelib.kernel.money import MAXIMUM_AMOUNT_MINOR
from chalicelib.ledger.chart import MOST_SLICES
from chalicelib.ledger.fees import BASIS
from chalicelib.web.validate import AccountId, Body, CurrencyCode, Metadata

PrincipalId = Annotated[StrictStr, Field(pattern=r"^prn_[0-9a-z]{1,60}$")]
Limit = Annotated[StrictInt, Field(ge=0, le=MAXIMUM_AMOUNT_MINOR)]
Slices = Annotated[StrictInt, Field(ge=1, le=MOST_SLICES)]


class FeeRule(Body):
    """What a merchant pays on captures: `basis_points` of the amount, and `fixed` minor units once per payment."""

    basis_points: Annotated[StrictInt, Field(ge=0, le=BASIS)]
    fixed: Limit = 0
    account: AccountId


class CreateAccount(Body):
    """`owner` is the principal that may debit the account; the caller's own unless an operator says otherwise."""

    currency: CurrencyCode
    kind: Literal["wallet", "merchant", "platform", "external"]
    owner: PrincipalId | None = None
    overdraft_limit: Limit | None = None
    slices: Slices | None = None
    fee: FeeRule | None = None
    negative_limit: Limit | None = None
    metadata: Metadata = Field(default_factory=dict)


class UpdateAccount(Body):
    """What is given is changed; `metadata` is replaced as a whole, null ends a fee or a negative limit."""

    metadata: Metadata | None = None
    overdraft_limit: Limit | None = None
    slices: Slices | None = None
    fee: FeeRule | None = None
    negative_limit: Limit | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("at least one setting must be given")
        nothing = [name for name in self.model_fields_set - {"fee", "negative_limit"} if getattr(self, name) is None]
        if nothing:
            raise ValueError(f"{min(nothing)} cannot be null")
        return self


class Mandate(Body):
    """Who may, or may no longer, debit the account besides its owner."""

    principal: PrincipalId


class Nothing(Body):
    """The body of a request whose path says it all: empty, or an empty object."""
