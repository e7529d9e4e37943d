"""Reading a transfer: it exists for whoever made it, for those whose accounts it touches, and for operators."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 200), (SHOP, 404), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_for_whom_it_exists(client: Client, status: int) -> None:
    ledger = SmallLedger()
    made = ledger.transfer()
    transfer = made.json["id"]
    answer = ledger.get(client, f"/v1/transfers/{transfer}")
    assert answer.status == status
    if status == 200:
        assert (answer.json, answer.headers["ETag"]) == (made.json, '"1"')
        return
    missing = ledger.get(client, f"/v1/transfers/{foreign(transfer)}")
    assert answer.json["detail"].replace(transfer, "") == missing.json["detail"].replace(foreign(transfer), "")


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_mandate_on_either_side_is_enough(side: str) -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer())
    ledger.give_mandate(ledger.alice if side == "source" else ledger.bob, SHOP)
    assert ledger.get(SHOP, f"/v1/transfers/{transfer}").status == 200


def test_the_owner_of_the_source_sees_what_its_mandate_did() -> None:
    ledger = SmallLedger()
    ledger.give_mandate(ledger.alice, SHOP)
    transfer = ledger.made(ledger.transfer(SHOP))
    for client in (SHOP, ALICE, BOB):
        assert ledger.get(client, f"/v1/transfers/{transfer}").status == 200


@pytest.mark.parametrize(("client", "reads"), [(ALICE, 1), (OPERATOR, 1), (BOB, 2), (SHOP, 3)], ids=repr)
def test_its_maker_costs_one_read(client: Client, reads: int) -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer())
    ledger.get(client, "/v1/transfers/nothing")
    ledger.store.reset_counters()
    ledger.get(client, f"/v1/transfers/{transfer}")
    assert ledger.store.round_trips == {"get": reads}


def test_an_item_of_the_schema_before() -> None:
    ledger = SmallLedger()
    made = ledger.transfer()
    (key,) = (key for key in ledger.snapshot() if key.sk == made.json["id"])
    old = {name: value for name, value in ledger.store.inner.items[key].items() if name not in {"ap", "ar"}}
    ledger.store.inner.items[key] = {**old, "sc": 1}
    assert ledger.get(ALICE, f"/v1/transfers/{key.sk}").json == made.json
    assert ledger.turn(key.sk, "reverse", BOB).json["original"]["amount_reversed"] == 100
