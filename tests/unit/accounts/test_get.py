"""Reading an account: its balance, and for whom it exists."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


def test_a_wallet_with_its_balance() -> None:
    ledger = SmallLedger()
    ledger.authorize(amount=300)
    ledger.pay(amount=1_000)
    answer = ledger.get(ALICE, f"/v1/accounts/{ledger.alice}")
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json["balance"] == {"posted": 9_000, "held": 300, "available": 8_700, "spendable": 8_700}
    assert answer.json["id"] == ledger.alice


def test_a_sliced_account_is_summed() -> None:
    ledger = SmallLedger()
    for _ in range(30):
        ledger.pay(amount=7)
    assert ledger.balance(ledger.shop) == {"posted": 210, "held": 0, "available": 210}
    assert ledger.balance(ledger.external) == {"posted": -10_000, "held": 0, "available": -10_000}


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (SHOP, 404), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_for_whom_it_exists(client: Client, status: int) -> None:
    ledger = SmallLedger()
    assert ledger.get(client, f"/v1/accounts/{ledger.alice}").status == status


def test_a_hidden_account_is_a_missing_account() -> None:
    ledger = SmallLedger()
    hidden = ledger.get(BOB, f"/v1/accounts/{ledger.alice}")
    missing = ledger.get(BOB, f"/v1/accounts/{foreign(ledger.alice)}")
    same = {"code", "title", "type", "status"}
    assert {name: hidden.json[name] for name in same} == {name: missing.json[name] for name in same}
    assert hidden.json["detail"].replace(ledger.alice, "") == missing.json["detail"].replace(foreign(ledger.alice), "")
    assert hidden.headers == missing.headers


def test_an_id_of_another_kind_of_object() -> None:
    ledger = SmallLedger()
    assert ledger.get(ALICE, f"/v1/accounts/{ledger.made(ledger.pay())}").status == 404
