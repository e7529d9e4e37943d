"""The payment itself, and every step it can take: pure."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chalicelib.kernel.clock import DAY_SECONDS, SECOND_MS
from chalicelib.kernel.problems import (
    CAPTURE_TOO_LARGE,
    REFUND_TOO_LARGE,
    STATE_CONFLICT,
    Problem,
)
from chalicelib.ledger.fees import Fee

PREFIX: Final = "pay"
CAPTURE_WINDOW_MS: Final = 7 * DAY_SECONDS * SECOND_MS


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    AUTHORIZED = "authorized"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    CANCELED = "canceled"
    EXPIRED = "expired"
    DECLINED = "declined"


_HOLDING: Final = frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.PARTIALLY_CAPTURED})
_REFUNDABLE: Final = frozenset({PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_CAPTURED})


@dataclass(frozen=True, slots=True)
class Payment:
    """Amounts in minor units, instants in ms since the epoch; `owner` is the principal that made it."""

    id: str
    status: PaymentStatus
    amount_minor: int
    currency: str
    payer: str
    payee: str
    owner: str
    created_at: int
    captured_minor: int = 0
    refunded_minor: int = 0
    fee_minor: int = 0
    version: int = 1
    capture_before_at: int | None = None
    decline_code: str | None = None
    reference: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def held_minor(self) -> int:
        """What is still set aside at the payer's account for this payment."""
        return self.amount_minor - self.captured_minor if self.status in _HOLDING else 0

    @property
    def frees_reference(self) -> bool:
        """Tell whether nothing came of the payment, so that its order may be paid by another one."""
        return self.status in {PaymentStatus.CANCELED, PaymentStatus.EXPIRED}

    @property
    def holds_reference(self) -> bool:
        """Tell whether the payment keeps its reference from others."""
        return not self.frees_reference and self.status is not PaymentStatus.DECLINED

    @property
    def refundable_minor(self) -> int:
        """What was captured and not refunded yet."""
        return self.captured_minor - self.refunded_minor

    def capture(self, amount_minor: int | None, *, final: bool, now_at: int) -> "Payment":
        """Take all or part of what is held; raise 409 when nothing can be captured, 422 above the hold."""
        self._require_hold(now_at)
        taken_minor = self.held_minor if amount_minor is None else amount_minor
        if taken_minor > self.held_minor:
            raise Problem(CAPTURE_TOO_LARGE, f"Only {self.held_minor} is still held.", param="amount")
        done = final or taken_minor == self.held_minor
        return replace(
            self,
            status=PaymentStatus.CAPTURED if done else PaymentStatus.PARTIALLY_CAPTURED,
            captured_minor=self.captured_minor + taken_minor,
            version=self.version + 1,
        )

    def charged(self, fee: Fee | None, taken_minor: int) -> "Payment":
        """Return the payment with the fee on all that is captured, after a capture of `taken_minor`.

        What was charged before is never given back. A fee that was raised since an earlier capture takes no more than
        this one brings: a capture never costs the payee money, which a frozen one could not pay.
        """
        due_minor = fee.total_minor(self.captured_minor) if fee else 0
        most_minor = self.fee_minor + taken_minor
        return replace(self, fee_minor=min(max(self.fee_minor, due_minor), most_minor))

    def cancel(self) -> "Payment":
        """Give back what is held; what was captured stays captured. Raise 409 when nothing is held."""
        return self._let_go(PaymentStatus.CANCELED)

    def is_due(self, now_at: int) -> bool:
        """Tell whether the hold has come to its end by itself."""
        return self.held_minor > 0 and self.capture_before_at is not None and now_at >= self.capture_before_at

    def expire(self) -> "Payment":
        """Give back what is held because its time is over; what was captured stays captured."""
        return self._let_go(PaymentStatus.EXPIRED)

    def refund(self, amount_minor: int | None) -> "Payment":
        """Count a refund; raise 409 when nothing was captured, 422 when it is more than is left."""
        if self.status not in _REFUNDABLE:
            raise self._conflict()
        wanted_minor = self.refundable_minor if amount_minor is None else amount_minor
        if not 0 < wanted_minor <= self.refundable_minor:
            raise Problem(REFUND_TOO_LARGE, f"Only {self.refundable_minor} can be refunded.", param="amount")
        return replace(self, refunded_minor=self.refunded_minor + wanted_minor, version=self.version + 1)

    def _let_go(self, empty: PaymentStatus) -> "Payment":
        if self.status not in _HOLDING:
            raise self._conflict()
        kept = PaymentStatus.CAPTURED if self.captured_minor else empty
        return replace(self, status=kept, version=self.version + 1)

    def _require_hold(self, now_at: int) -> None:
        if self.status not in _HOLDING:
            raise self._conflict()
        if self.capture_before_at is not None and now_at >= self.capture_before_at:
            raise Problem(STATE_CONFLICT, f"Payment {self.id} could be captured only until its capture_before.")

    def _conflict(self) -> Problem:
        return Problem(STATE_CONFLICT, f"Payment {self.id} is {self.status.value}.")
