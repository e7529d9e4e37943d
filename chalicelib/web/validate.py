"""Bodies against their models: nothing is coerced, nothing is ignored, every refusal names the field."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from chalicelib.kernel.cards import holds_card_number
from chalicelib.kernel.currencies import is_currency
from chalicelib.kernel.money import MAXIMUM_AMOUNT_MINOR, MINIMUM_AMOUNT_MINOR
from chalicelib.kernel.problems import INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE, Problem
from chalicelib.ledger.chart import is_account_id
from chalicelib.web.request import Request


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("must be the code of a currency that can be paid in (ISO 4217)")
    return code


def _account(text: str) -> str:
    if not is_account_id(text):
        raise ValueError("must be the id of an account")
    return text


def _no_card(text: str) -> str:
    if holds_card_number(text):
        raise ValueError("looks like a card number, which must never be sent here")
    return text


def _metadata(pairs: dict[str, str]) -> dict[str, str]:
    for name, value in pairs.items():
        _no_card(name)
        _no_card(value)
    return pairs


def _small(pairs: dict[str, str]) -> dict[str, str]:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in pairs.items())
    if size > SMALL_METADATA_BYTES:
        raise ValueError(f"must hold at most {SMALL_METADATA_BYTES} bytes of names and values in all")
    return pairs


SMALL_METADATA_BYTES = 512
"""On objects of the posting path: more would cost every payment another write unit."""

FreeText = Annotated[StrictStr, Field(min_length=1, max_length=500), AfterValidator(_no_card)]
Reference = Annotated[StrictStr, Field(pattern=r"^[\x21-\x7e]{1,64}$"), AfterValidator(_no_card)]
MetadataName = Annotated[StrictStr, Field(min_length=1, max_length=40)]
Metadata = Annotated[
    dict[MetadataName, Annotated[StrictStr, Field(max_length=500)]], Field(max_length=50), AfterValidator(_metadata)
]
SmallMetadata = Annotated[Metadata, AfterValidator(_small)]
Amount = Annotated[StrictInt, Field(ge=MINIMUM_AMOUNT_MINOR, le=MAXIMUM_AMOUNT_MINOR)]
CurrencyCode = Annotated[StrictStr, AfterValidator(_currency)]
AccountId = Annotated[StrictStr, AfterValidator(_account)]


MOST_ROWS = 20
"""An answer names at most this many fields, however many are wrong."""


class Body(BaseModel):
    """A request's body: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


ModelT = TypeVar("ModelT", bound=Body)


def validate(model: type[ModelT], value: Mapping[str, Any]) -> ModelT:
    """Return the body as its model, or raise a 400 with one row of `errors` per field."""
    try:
        return model.model_validate(value)
    except ValidationError as fault:
        errors = fault.errors(include_url=False, include_input=False)[:MOST_ROWS]
        rows = tuple(_row(error) for error in errors)
        detail = f"{rows[0]['param']}: {rows[0]['detail']}"
        raise Problem(INVALID_REQUEST, detail, param=rows[0]["param"], errors=rows) from None


def _row(error: Mapping[str, Any]) -> dict[str, str]:
    place = ".".join(str(part) for part in error["loc"]) or "body"
    detail = str(error["msg"]).removeprefix("Value error, ")
    # The place may be a name the caller made up.
    return {"param": "hidden" if holds_card_number(place) else place[:200], "detail": detail}


def require_json(request: Request) -> None:
    """Refuse (415) a body that does not say it is JSON."""
    media_type = (request.header("content-type") or "application/json").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.", param="Content-Type")
