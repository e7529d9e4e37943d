"""Amounts of money: integers of minor units, never floats."""

from typing import Final

MINIMUM_AMOUNT_MINOR: Final = 1
MAXIMUM_AMOUNT_MINOR: Final = 10**15
