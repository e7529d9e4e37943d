"""What a merchant pays on what is captured: a share and a fixed amount, rounded half to even.

The fee is a leg of the capture itself, from the merchant to a platform account. It is worked out on all that is
captured of a payment, and what was charged before is taken off: how a payment is captured, at once or in parts, makes
no difference. It is never more than what a capture brings, also where the fee was raised between two captures, and a
refund does not give it back.
"""

from dataclasses import dataclass
from typing import Final

BASIS: Final = 10_000
"""A share is counted in basis points: 10,000 are the whole."""


@dataclass(frozen=True, slots=True)
class Fee:
    """`basis_points` of the amount and `fixed_minor` (minor units) once per payment, to the platform's `account`."""

    basis_points: int
    fixed_minor: int
    account: str

    def total_minor(self, captured_minor: int) -> int:
        """Return the fee on all that is captured of a payment."""
        if captured_minor == 0:
            return 0
        return min(captured_minor, _half_even(captured_minor * self.basis_points, BASIS) + self.fixed_minor)


def _half_even(numerator: int, denominator: int) -> int:
    """Divide whole numbers, a half going to the even neighbour."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
