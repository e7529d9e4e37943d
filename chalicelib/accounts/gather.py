"""Bringing what the slices of an account hold into the first one, where a limit to what it may owe can see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from chalicelib.accounts.account import Account
from chalicelib.ledger.entry import Entry, Leg
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Item
from chalicelib.store.schema import BALANCE
from chalicelib.web.call import Call


@dataclass(frozen=True, slots=True)
class Gathering:
    """The slices beside the first as they were read, by number; none where nothing is to be gathered."""

    account: Account
    others: Mapping[int, Item] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        """What comes to the first slice."""
        return sum(self.posted_minor(number) for number in self.others)

    def posted_minor(self, number: int) -> int:
        """What one of the other slices has."""
        BALANCE.require(self.others[number])
        return cast("int", self.others[number]["p"])

    def moved_minor(self, number: int) -> int:
        """What is posted to a slice when all is gathered."""
        return self.total_minor if number == 0 else -self.posted_minor(number)

    def entry(self) -> Entry:
        """Return the legs: out of each slice that has something, into the first."""
        numbers = (0, *self.others) if self.others else ()
        legs = (
            Leg(self.account.id, number, self.account.currency, posted_minor=self.moved_minor(number))
            for number in numbers
            if self.moved_minor(number)
        )
        return Entry(tuple(legs))


def gathering(call: Call, before: Account, after: Account) -> Gathering:
    """Read the other slices of an account that gets a limit; they may not have moved when it takes effect."""
    if after.negative_limit_minor is None or before.negative_limit_minor is not None:
        return Gathering(after)
    numbers = range(1, before.slices_total)
    keys = {number: balance_key(call.tenant, before.id, number) for number in numbers}
    found = call.bench.dynamo.get_many(keys.values())
    return Gathering(after, {number: found[key] for number, key in keys.items()})
