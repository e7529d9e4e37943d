"""What transfers look like on the wire."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StrictInt, StrictStr, ValidationInfo, field_validator

from chalicelib.kernel.clock import DAY_SECONDS, from_rfc3339
from chalicelib.store.port import MAX_WRITES
from chalicelib.web.validate import AccountId, Amount, Body, CurrencyCode, FreeText, SmallMetadata

HOLD_SECONDS: Final = 7 * DAY_SECONDS
_SHORTEST_HOLD_SECONDS: Final = 60
_LONGEST_HOLD_SECONDS: Final = 30 * DAY_SECONDS

MOST_TRANSFERS: Final = (MAX_WRITES - 1) // 3
"""A batch is one commit: its record, and for each transfer its state and, at the worst, two balances."""

_DATE_LENGTH: Final = len("2026-11-23")


def _instant(text: str) -> int | None:
    """Return the instant (ms) of an RFC 3339 instant, or of a date's beginning in UTC."""
    return from_rfc3339(f"{text}T00:00:00Z" if len(text) == _DATE_LENGTH else text)


def _is_instant(text: str) -> str:
    if _instant(text) is None:
        raise ValueError("must be a date, or an instant such as 2026-11-23T09:00:00Z")
    return text


class OneTransfer(Body):
    """Both accounts are kept in `currency`."""

    source: AccountId
    destination: AccountId
    amount: Amount
    currency: CurrencyCode
    description: FreeText | None = None
    metadata: SmallMetadata = Field(default_factory=dict)


class CreateTransfer(OneTransfer):
    """`mode: hold` sets the amount aside until it is posted or voided; `scheduled_for` moves it later."""

    mode: Literal["immediate", "hold"] = "immediate"
    expires_in_seconds: Annotated[StrictInt, Field(ge=_SHORTEST_HOLD_SECONDS, le=_LONGEST_HOLD_SECONDS)] | None = None
    scheduled_for: Annotated[StrictStr, AfterValidator(_is_instant)] | None = None

    @field_validator("expires_in_seconds")
    @classmethod
    def _of_a_hold(cls, seconds: int | None, info: ValidationInfo) -> int | None:
        if seconds is not None and info.data.get("mode") != "hold":
            raise ValueError("is for holds only")
        return seconds

    @field_validator("scheduled_for")
    @classmethod
    def _of_no_hold(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and info.data.get("mode") == "hold":
            raise ValueError("is not for holds: they begin at once")
        return text

    @property
    def scheduled_for_at(self) -> int | None:
        """When it is to be executed, in ms since the epoch; a date begins at 00:00 UTC."""
        return None if self.scheduled_for is None else _instant(self.scheduled_for)


class BatchTransfers(Body):
    """All of them at once, or none."""

    transfers: Annotated[list[OneTransfer], Field(min_length=1, max_length=MOST_TRANSFERS)]


class PostTransfer(Body):
    """`amount` defaults to all that is held; what is not posted is given back."""

    amount: Amount | None = None


class VoidTransfer(Body):
    """The path says it all."""


class ReverseTransfer(Body):
    """`amount` defaults to all that was posted and not reversed yet."""

    amount: Amount | None = None
