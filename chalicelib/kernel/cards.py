"""Recognising card numbers, so that none is ever stored: a known issuer range, its length, and Luhn.

Luhn alone would refuse one number in ten. Ranges as published by the networks (ISO/IEC 7812 issuer numbers).
"""

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?:[ -][0-9]+)*(?![0-9A-Za-z])")
_SHORTEST: Final = 13
_LONGEST: Final = 19

_SIXTEEN_TO_NINETEEN: Final = frozenset({16, 17, 18, 19})

_RANGES: Final = (
    (400000, 499999, frozenset({13, 16, 19})),  # Visa
    (510000, 559999, frozenset({16})),  # Mastercard
    (222100, 272099, frozenset({16})),  # Mastercard, second series
    (340000, 349999, frozenset({15})),  # American Express
    (370000, 379999, frozenset({15})),  # American Express
    (300000, 305999, frozenset({14})),  # Diners Club
    (360000, 369999, frozenset({14})),  # Diners Club
    (380000, 399999, frozenset({14})),  # Diners Club
    (352800, 358999, _SIXTEEN_TO_NINETEEN),  # JCB
    (601100, 601199, _SIXTEEN_TO_NINETEEN),  # Discover
    (644000, 659999, _SIXTEEN_TO_NINETEEN),  # Discover
    (620000, 629999, _SIXTEEN_TO_NINETEEN),  # UnionPay
)


def holds_card_number(text: str) -> bool:
    """Tell whether `text` holds a payment card's number: whole groups of digits, set apart by single spaces or dashes.

    Every run of groups is tried, because a number often stands beside others (an expiry date, a security code).
    """
    return any(_is_card(run) for token in _TOKEN.findall(text) for run in _runs(re.split("[ -]", token)))


def _runs(groups: list[str]) -> Iterator[str]:
    """Yield the digits of every run of neighbouring groups that is not too long for a card."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > _LONGEST:
                break
            yield digits


def _is_card(digits: str) -> bool:
    issuer = int(digits[:6]) if len(digits) >= _SHORTEST else 0
    known = any(low <= issuer <= high and len(digits) in lengths for low, high, lengths in _RANGES)
    return known and _luhn(digits)


def _luhn(digits: str) -> bool:
    """Check the last digit (ISO/IEC 7812-1, annex B)."""
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    total = sum(int(d) for d in digits[-1::-2]) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0
