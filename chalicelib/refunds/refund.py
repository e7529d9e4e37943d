"""The refund itself: made once, never changed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "re"


class RefundStatus(StrEnum):
    """How a refund ended."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Refund:
    """Amount in minor units; `owner` is the payment's, so that who sees the one sees the other."""

    id: str
    status: RefundStatus
    payment: str
    amount_minor: int
    currency: str
    owner: str
    created_at: int
    decline_code: str | None = None
    version: int = 1
