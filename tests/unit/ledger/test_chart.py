"""What an account's id alone says."""

import pytest

from chalicelib.kernel.ids import SHARDS
from chalicelib.ledger.chart import RULES, AccountKind, has_floor, is_account_id, kind_of, shard_of_slice, slices_of

STEM = "acct_" + "0" * 26


@pytest.mark.parametrize(
    ("letter", "kind", "floor", "slices"),
    [
        ("w", AccountKind.WALLET, True, 1),
        ("m", AccountKind.MERCHANT, False, 4),
        ("p", AccountKind.PLATFORM, False, 4),
        ("x", AccountKind.EXTERNAL, False, 4),
    ],
)
def test_a_kind(letter: str, kind: AccountKind, floor: bool, slices: int) -> None:
    account = f"{STEM}{letter}0"
    assert is_account_id(account)
    assert (kind_of(account), has_floor(account), slices_of(account)) == (kind, floor, slices)
    assert RULES[kind].letter == letter


def test_only_an_account_without_a_floor_is_sliced() -> None:
    """A floor is one condition on one number: it cannot be split."""
    assert all(rules.slices == 1 for rules in RULES.values() if rules.floor)


@pytest.mark.parametrize("text", [f"{STEM}q0", f"{STEM}0", "pay_" + "0" * 26 + "w0", "", f"{STEM}w0 ", f"{STEM}w9"])
def test_what_is_no_account(text: str) -> None:
    assert not is_account_id(text)


@pytest.mark.parametrize("own", SHARDS)
def test_slices_are_spread_over_different_shards(own: str) -> None:
    shards = [shard_of_slice(f"{STEM}m{own}", number) for number in range(4)]
    assert shards[0] == own
    assert len(set(shards)) == 4
    assert set(shards) <= set(SHARDS)
