"""The transfer itself, and every step it can take: pure.

| status | post | void | expire | execute | decline | reverse |
|---|---|---|---|---|---|---|
| held | posted | voided | expired | | | |
| scheduled | | canceled | | posted | declined | |
| posted | | | | | | posted |
| voided, expired, canceled, declined | | | | | | |

An empty cell is a conflict. Neither post nor void is taken at or after `expires_at`: the hold then only expires.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chalicelib.kernel.problems import POST_TOO_LARGE, REVERSAL_TOO_LARGE, STATE_CONFLICT, Problem

PREFIX: Final = "tr"


class TransferStatus(StrEnum):
    """Where a transfer stands."""

    HELD = "held"
    SCHEDULED = "scheduled"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DECLINED = "declined"


class TransferEvent(StrEnum):
    """What can happen to a transfer that exists."""

    POST = "post"
    VOID = "void"
    EXPIRE = "expire"
    EXECUTE = "execute"
    DECLINE = "decline"
    REVERSE = "reverse"


_NEXT: Final = {
    (TransferStatus.HELD, TransferEvent.POST): TransferStatus.POSTED,
    (TransferStatus.HELD, TransferEvent.VOID): TransferStatus.VOIDED,
    (TransferStatus.HELD, TransferEvent.EXPIRE): TransferStatus.EXPIRED,
    (TransferStatus.SCHEDULED, TransferEvent.VOID): TransferStatus.CANCELED,
    (TransferStatus.SCHEDULED, TransferEvent.EXECUTE): TransferStatus.POSTED,
    (TransferStatus.SCHEDULED, TransferEvent.DECLINE): TransferStatus.DECLINED,
    (TransferStatus.POSTED, TransferEvent.REVERSE): TransferStatus.POSTED,
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """Amounts in minor units, instants in ms since the epoch; `owner` is the principal that made it.

    `reverses` names the transfer whose money this one brings back, `batch` the batch it was made in.
    """

    id: str
    status: TransferStatus
    source: str
    destination: str
    amount_minor: int
    currency: str
    owner: str
    created_at: int
    posted_minor: int = 0
    reversed_minor: int = 0
    version: int = 1
    expires_at: int | None = None
    scheduled_for_at: int | None = None
    reverses: str | None = None
    batch: str | None = None
    decline_code: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def held_minor(self) -> int:
        """What is set aside at the source for this transfer."""
        return self.amount_minor if self.status is TransferStatus.HELD else 0

    @property
    def due_at(self) -> int | None:
        """When something happens to it by itself, None if nothing will."""
        match self.status:
            case TransferStatus.HELD:
                return self.expires_at
            case TransferStatus.SCHEDULED:
                return self.scheduled_for_at
            case _:
                return None

    @property
    def reversible_minor(self) -> int:
        """What was posted and not reversed yet."""
        return self.posted_minor - self.reversed_minor

    def is_due(self, now_at: int) -> bool:
        """Tell whether the time of what happens by itself has come."""
        return self.due_at is not None and now_at >= self.due_at

    def post(self, amount_minor: int | None, *, now_at: int) -> "Transfer":
        """Move all or part of what is held; raise 409 when nothing is held any more, 422 above the hold."""
        after = self._step(TransferEvent.POST)
        self._require_time(now_at)
        taken_minor = self.held_minor if amount_minor is None else amount_minor
        if taken_minor > self.held_minor:
            raise Problem(POST_TOO_LARGE, f"Only {self.held_minor} is held.", param="amount")
        return replace(after, posted_minor=taken_minor)

    def void(self, *, now_at: int) -> "Transfer":
        """Give a hold back, or call a scheduled transfer off; raise 409 when there is neither."""
        after = self._step(TransferEvent.VOID)
        if self.status is TransferStatus.HELD:
            self._require_time(now_at)
        return after

    def expire(self) -> "Transfer":
        """Give a hold back because its time is over."""
        return self._step(TransferEvent.EXPIRE)

    def execute(self) -> "Transfer":
        """Move the money of a scheduled transfer."""
        return replace(self._step(TransferEvent.EXECUTE), posted_minor=self.amount_minor)

    def decline(self, code: str) -> "Transfer":
        """End a scheduled transfer that cannot be executed."""
        return replace(self._step(TransferEvent.DECLINE), decline_code=code)

    def reverse(self, amount_minor: int | None) -> "Transfer":
        """Count a reversal; raise 409 when nothing was posted, 422 when it is more than is left."""
        after = self._step(TransferEvent.REVERSE)
        wanted_minor = self.reversible_minor if amount_minor is None else amount_minor
        if not 0 < wanted_minor <= self.reversible_minor:
            raise Problem(REVERSAL_TOO_LARGE, f"Only {self.reversible_minor} can be reversed.", param="amount")
        return replace(after, reversed_minor=self.reversed_minor + wanted_minor)

    def _step(self, event: TransferEvent) -> "Transfer":
        status = _NEXT.get((self.status, event))
        if status is None:
            raise Problem(STATE_CONFLICT, f"Transfer {self.id} is {self.status.value}.")
        return replace(self, status=status, version=self.version + 1)

    def _require_time(self, now_at: int) -> None:
        if self.is_due(now_at):
            raise Problem(STATE_CONFLICT, f"The hold of transfer {self.id} could be resolved until its expires_at.")
