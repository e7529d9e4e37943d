"""The transfer itself: made once, never changed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "tr"


class TransferStatus(StrEnum):
    """How a transfer ended."""

    POSTED = "posted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Amount in minor units; `owner` is the principal that made it."""

    id: str
    status: TransferStatus
    source: str
    destination: str
    amount_minor: int
    currency: str
    owner: str
    created_at: int
    decline_code: str | None = None
    version: int = 1
