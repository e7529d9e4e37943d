"""The table of movements, row by row."""

import pytest

from chalicelib.ledger.entry import Entry, Leg
from chalicelib.ledger.movements import Place, hold, move, post, release

PAYER, PAYEE = Place("payer"), Place("payee", 3)

ROWS = {
    "move": (move(PAYER, PAYEE, 7, "USD"), [("payer", 0, -7, 0), ("payee", 3, 7, 0)]),
    "hold": (hold(PAYER, 7, "USD"), [("payer", 0, 0, 7)]),
    "post all": (post(PAYER, PAYEE, 7, "USD"), [("payer", 0, -7, -7), ("payee", 3, 7, 0)]),
    "post and release": (
        post(PAYER, PAYEE, 7, "USD", released_minor=2),
        [("payer", 0, -7, -9), ("payee", 3, 7, 0)],
    ),
    "release": (release(PAYER, 7, "USD"), [("payer", 0, 0, -7)]),
}


@pytest.mark.parametrize(("entry", "legs"), ROWS.values(), ids=ROWS)
def test_a_movement(entry: Entry, legs: list[tuple[str, int, int, int]]) -> None:
    assert entry.legs == tuple(Leg(account, number, "USD", posted, held) for account, number, posted, held in legs)


def test_a_move_to_itself_is_folded_to_nothing() -> None:
    assert move(PAYER, PAYER, 7, "USD").legs == (Leg("payer", 0, "USD"),)
