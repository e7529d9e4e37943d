"""What each operation does to the books: a table of movements, each a balanced set of legs.

| movement | source | destination |
|---|---|---|
| move | posted -a | posted +a |
| hold | held +a | |
| post | posted -a, held -(a + released) | posted +a |
| release | held -a | |
| fee, on a move or post | | posted -f; the platform's account posted +f |

A refund is a move from the payee back to the payer, a transfer a move from source to destination.
"""

from dataclasses import dataclass

from chalicelib.ledger.entry import Entry, Leg, fold


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leg goes: one slice of one account."""

    account: str
    slice_number: int = 0


def move(source: Place, destination: Place, amount_minor: int, currency: str) -> Entry:
    """Move money that is free."""
    return fold(
        (
            Leg(source.account, source.slice_number, currency, posted_minor=-amount_minor),
            Leg(destination.account, destination.slice_number, currency, posted_minor=amount_minor),
        )
    )


def hold(source: Place, amount_minor: int, currency: str) -> Entry:
    """Set money aside: it stays posted, and can no longer be spent."""
    return Entry((Leg(source.account, source.slice_number, currency, held_minor=amount_minor),))


def post(source: Place, destination: Place, amount_minor: int, currency: str, *, released_minor: int = 0) -> Entry:
    """Move money that was held, and give `released_minor` of the hold back."""
    return fold(
        (
            Leg(
                source.account,
                source.slice_number,
                currency,
                posted_minor=-amount_minor,
                held_minor=-(amount_minor + released_minor),
            ),
            Leg(destination.account, destination.slice_number, currency, posted_minor=amount_minor),
        )
    )


def less_fee(entry: Entry, payee: Place, platform: Place, fee_minor: int, currency: str) -> Entry:
    """Take a fee from the payee in the same entry; it shares the payee's leg."""
    if not fee_minor:
        return entry
    taken = (
        Leg(payee.account, payee.slice_number, currency, posted_minor=-fee_minor),
        Leg(platform.account, platform.slice_number, currency, posted_minor=fee_minor),
    )
    return fold((*entry.legs, *taken))


def release(source: Place, amount_minor: int, currency: str) -> Entry:
    """Give held money back."""
    return Entry((Leg(source.account, source.slice_number, currency, held_minor=-amount_minor),))
