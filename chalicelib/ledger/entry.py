"""A balanced entry: legs that sum to zero per currency, or it cannot be built."""

from collections import Counter
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Leg:
    """What one movement does to one slice of one account, in minor units.

    `posted_minor` is money that moves; `held_minor` is what is set aside (positive) or given back (negative).
    """

    account: str
    slice_number: int
    currency: str
    posted_minor: int = 0
    held_minor: int = 0

    @property
    def spendable_minor(self) -> int:
        """What the leg does to the funds that can be spent: posted less held."""
        return self.posted_minor - self.held_minor


@dataclass(frozen=True, slots=True)
class Entry:
    """The legs of one commit; the journal is the sum of all entries."""

    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        """Refuse legs that create or destroy money, or that touch one balance twice."""
        totals: Counter[str] = Counter()
        for leg in self.legs:
            totals[leg.currency] += leg.posted_minor
        assert not any(totals.values()), f"the legs do not balance: {totals}"
        touched = {(leg.account, leg.slice_number) for leg in self.legs}
        assert len(touched) == len(self.legs), "legs on one balance must be folded into one"


NOTHING: Final = Entry(())
"""What a commit posts that moves no money."""


def fold(legs: tuple[Leg, ...]) -> Entry:
    """Build an entry, adding up several legs on one balance: DynamoDB takes an item once per transaction."""
    folded: dict[tuple[str, int, str], Leg] = {}
    for leg in legs:
        key = (leg.account, leg.slice_number, leg.currency)
        known = folded.get(key, Leg(leg.account, leg.slice_number, leg.currency))
        folded[key] = Leg(*key, known.posted_minor + leg.posted_minor, known.held_minor + leg.held_minor)
    return Entry(tuple(folded.values()))
