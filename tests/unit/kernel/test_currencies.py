"""The copied table of currencies against the package that follows the standard."""

import pytest
from iso4217 import Currency

from chalicelib.kernel.currencies import EXPONENTS, is_currency


def test_the_table_is_the_standards() -> None:
    payable = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
    assert payable == EXPONENTS


@pytest.mark.parametrize(
    ("code", "exponent"), [("JPY", 0), ("XOF", 0), ("USD", 2), ("KWD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4)]
)
def test_known_exponents(code: str, exponent: int) -> None:
    assert EXPONENTS[code] == exponent


@pytest.mark.parametrize("code", ["XAU", "XDR", "XXX", "XTS", "usd", "US", "", "USDX", "840", "BTC"])
def test_what_is_no_money_to_pay_in(code: str) -> None:
    assert not is_currency(code)
