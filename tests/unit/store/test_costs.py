"""What each verb costs: round trips, write units, and the weight of its items by AWS's own rules."""

from dataclasses import dataclass

import pytest

from chalicelib.store.port import Item, Key
from chalicelib.store.sizes import item_bytes
from tests.doubles.small_ledger import SmallLedger
from tests.doubles.verbs import VERBS, Sending, Verb

UUID_KEY = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
COMMIT_BYTES = STATE_BYTES = 1024
BALANCE_BYTES = 400


@dataclass(frozen=True, slots=True)
class Cost:
    """Reads, transactions and write units of one request, besides the status of the client."""

    reads: int
    transactions: int
    write_units: int


COSTS = {
    "accounts.create": Cost(0, 1, 8),  # commit, account, the owner's line, one balance
    "accounts.freeze": Cost(1, 1, 6),
    "accounts.unfreeze": Cost(1, 1, 6),
    "accounts.close": Cost(2, 1, 6),  # the account and its balance are read
    "accounts.grant": Cost(1, 1, 6),
    "accounts.revoke": Cost(1, 1, 6),
    "payments.create": Cost(0, 1, 8),  # commit, payment, payer, payee
    "payments.create manual": Cost(1, 1, 8),  # commit, payment, due item, payer
    "payments.capture": Cost(1, 1, 8),  # commit, payment, payer, payee
    "payments.cancel": Cost(1, 1, 6),
    "refunds.create": Cost(1, 1, 10),  # commit, refund, payment, payee, payer
    "transfers.create": Cost(0, 1, 8),  # commit, transfer, source, destination
    "transfers.create hold": Cost(1, 1, 8),  # commit, transfer, due item, source
    "transfers.create later": Cost(2, 1, 6),  # commit, transfer, due item
    "transfers.batch": Cost(0, 1, 12),  # commit, two transfers, one source, two destinations
    "transfers.post": Cost(1, 1, 8),  # commit, transfer, source, destination
    "transfers.void": Cost(1, 1, 6),
    "transfers.reverse": Cost(1, 1, 10),  # commit, reversal, transfer, both accounts
}


def _measure(ledger: SmallLedger, sending: Sending, key: str) -> Cost:
    ledger.store.reset_counters()
    sending.send(ledger, key)
    trips = ledger.store.round_trips
    assert trips["query"] == 0
    return Cost(trips["get"], trips["transact"], ledger.store.write_units)


def _arranged(verb: Verb) -> tuple[SmallLedger, Sending]:
    """The client's status is read before the count begins: it is shared by five seconds of requests."""
    ledger = SmallLedger()
    sending = verb.arrange(ledger)
    sending_room = sending.path.split("/")[2]
    ledger.get(sending.client, f"/v1/{sending_room}/nothing")
    return ledger, sending


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_request(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    assert _measure(ledger, sending, UUID_KEY) == COSTS[verb.name]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_replay_of_what_needs_no_read_is_one_round_trip(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    sending.send(ledger, UUID_KEY)
    cost = _measure(ledger, sending, UUID_KEY)
    if verb.name in {"payments.create", "transfers.create", "transfers.batch", "accounts.create"}:
        assert (cost.reads, cost.transactions) == (0, 1)
    else:
        reads = COSTS[verb.name].reads
        assert cost.reads + cost.transactions <= reads + 1, "its reads, and the record out of one or a cancellation"


def test_the_status_of_a_client_is_one_read_of_half_a_unit() -> None:
    ledger = SmallLedger()
    for _ in range(3):
        assert ledger.pay().status == 201
    assert ledger.store.round_trips == {"get": 1, "transact": 3}
    assert ledger.store.read_units == 0.5


def test_a_decline_is_two_round_trips_and_its_replay_is_one() -> None:
    ledger = SmallLedger()
    ledger.pay()
    ledger.store.reset_counters()
    for trips in (2, 3):
        assert ledger.pay(key=UUID_KEY, amount=10**9).status == 402
        assert ledger.store.round_trips == {"transact": trips}


def _weights(before: dict[Key, Item], ledger: SmallLedger) -> list[tuple[Item, int]]:
    items = ledger.store.inner.items
    return [(item, item_bytes(item)) for key, item in items.items() if before.get(key) != item]


def _limit(item: Item) -> int:
    if "#balance#" in str(item["pk"]):
        return BALANCE_BYTES
    return COMMIT_BYTES if "#commit#" in str(item["pk"]) else STATE_BYTES


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_items_within_their_sizes(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    assert sending.send(ledger, UUID_KEY).status == verb.status
    weights = _weights(before, ledger)
    assert weights
    for item, weight in weights:
        assert weight <= _limit(item), item


def test_large_amounts_and_long_names_still_fit() -> None:
    """The largest amount, sixteen digits of balance, a principal and a tenant of ordinary length."""
    ledger = SmallLedger()
    ledger.fund(ledger.alice, 10**15)
    ledger.store.reset_counters()
    before = ledger.snapshot()
    payment = ledger.pay(key=UUID_KEY, amount=10**15 - 1)
    assert payment.status == 201
    assert ledger.store.write_units == 8
    assert all(weight <= _limit(item) for item, weight in _weights(before, ledger))


def test_a_decline_fits_into_its_units() -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    assert ledger.pay(key=UUID_KEY, amount=10**15).status == 402
    weights = _weights(before, ledger)
    assert len(weights) == 2
    assert all(weight <= _limit(item) for item, weight in weights)
