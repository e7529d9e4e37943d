"""The chart of accounts: what each kind may do, readable from the account's id alone.

An account's id carries its kind as its last character but one, so that a payment can choose the slice to
post to, and refuse an account that cannot stand there, before it has read anything. The letter is part of
the key: a made-up letter names an account that does not exist.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.kernel.ids import SHARDS, is_id

ACCOUNT_PREFIX: Final = "acct"


class AccountKind(StrEnum):
    """What an account is for."""

    WALLET = "wallet"
    MERCHANT = "merchant"
    PLATFORM = "platform"
    EXTERNAL = "external"


class AccountStatus(StrEnum):
    """What an account takes: open everything, frozen credits only, closed releases of holds only."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class KindRules:
    """What the ledger guarantees for a kind.

    `floor`: a debit or hold may not take more than is spendable. Such an account is one balance item.
    `slices`: how many balance items share the load of an account without a floor.
    """

    letter: str
    floor: bool
    slices: int


RULES: Final = {
    AccountKind.WALLET: KindRules("w", floor=True, slices=1),
    AccountKind.MERCHANT: KindRules("m", floor=False, slices=4),
    AccountKind.PLATFORM: KindRules("p", floor=False, slices=4),
    AccountKind.EXTERNAL: KindRules("x", floor=False, slices=4),
}

_KIND_BY_LETTER: Final = {rules.letter: kind for kind, rules in RULES.items()}
_LETTERS: Final = "".join(_KIND_BY_LETTER)


def is_account_id(text: str) -> bool:
    """Tell whether `text` has the form of an account's id."""
    return is_id(text, ACCOUNT_PREFIX, tags=_LETTERS)


def kind_of(account: str) -> AccountKind:
    """Return the kind that an account's id carries."""
    return _KIND_BY_LETTER[account[-2]]


def has_floor(account: str) -> bool:
    """Tell whether debits of the account are limited to what is spendable."""
    return RULES[kind_of(account)].floor


def slices_of(account: str) -> int:
    """Return how many balance items the account has unless somebody chose otherwise."""
    return RULES[kind_of(account)].slices


MOST_SLICES: Final = 64
"""With the record and the account's own item, all of them still fit one commit."""


def shard_of_slice(account: str, slice_number: int) -> str:
    """Return the shard a slice is stored in: the account's own, then the next ones, to spread the load."""
    return SHARDS[(SHARDS.index(account[-1]) + slice_number) % len(SHARDS)]
