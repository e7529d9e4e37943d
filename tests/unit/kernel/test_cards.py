"""Card numbers are recognised; other numbers are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.cards import holds_card_number

# The networks' and processors' published test numbers.
CARDS = {
    "Visa": "4111111111111111",
    "Visa, 13 digits": "4222222222222",
    "Visa, 19 digits": "4000000000000000006",
    "Mastercard": "5555555555554444",
    "Mastercard, second series": "2223003122003222",
    "American Express": "378282246310005",
    "American Express, 34": "343434343434343",
    "Diners Club": "30569309025904",
    "Diners Club, 38": "38520000023237",
    "Discover": "6011111111111117",
    "JCB": "3530111333300000",
    "UnionPay": "6200000000000005",
}


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
def test_known_numbers(number: str) -> None:
    assert holds_card_number(number)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "card: 4111111111111111.",
        "(4111111111111111)",
        "pan=4111111111111111;",
        "first\n4111111111111111\nlast",
        "1234 and 4111111111111111",
        '{"n":"4111111111111111"}',
    ],
)
def test_numbers_within_a_text(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111 12/28",
        "4111 1111 1111 1111 123",
        "4111111111111111 123",
        "2 4111111111111111",
        "order 17 4111 1111 1111 1111",
        "4111111111111111 4111111111111111",
    ],
)
def test_a_number_beside_other_numbers(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",  # Luhn fails
        "411111111111111",  # a digit too few
        "1234567890123452",  # Luhn holds, no issuer's range
        "9999999999999995",
        "0000000000000000",
        "order-a4111111111111111",  # part of a longer token
        "4111111111111111a",
        "41111111111111111111",  # too long
        "+49 30 901820",
        "2026-11-23T09:00:00.000Z",
        "acct_01k1h2m3n4p5q6r7s8t9v0w1x2w3",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    ],
)
def test_what_is_no_card(text: str) -> None:
    assert not holds_card_number(text)


def test_luhn_alone_refuses_nobody() -> None:
    """One number in ten passes Luhn: order numbers outside the issuers' ranges must not be refused."""
    assert not any(holds_card_number(str(number)) for number in range(1_000_000_000_000, 1_000_000_001_000))


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    assert holds_card_number(text) in {True, False}
