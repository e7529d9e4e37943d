"""Mandates: who else may debit a wallet, from the commit that says so."""

import pytest

from tests.doubles.small_ledger import ALICE, BOB, OPERATOR, SHOP, SmallLedger

BODY = {"principal": "prn_shop"}


def test_from_now_on_and_for_debits_only() -> None:
    ledger = SmallLedger()
    assert ledger.pay(SHOP).status == 404
    answer = ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/grant", BODY)
    assert (answer.status, answer.json["mandates"], answer.json["version"]) == (200, ["prn_shop"], 2)
    assert ledger.pay(SHOP).status == 201
    assert ledger.transfer(SHOP).status == 201
    assert ledger.get(SHOP, f"/v1/accounts/{ledger.alice}").status == 404


def test_once_each_and_at_most_ten() -> None:
    ledger = SmallLedger()
    path = f"/v1/accounts/{ledger.alice}/grant"
    assert ledger.post(ALICE, path, {"principal": "prn_alice"}).status == 409
    for number in range(10):
        assert ledger.post(ALICE, path, {"principal": f"prn_{number}"}).status == 200
    assert ledger.post(ALICE, path, {"principal": "prn_3"}).status == 409
    assert ledger.post(ALICE, path, BODY).json["code"] == "mandate_limit"


def test_whose_account_it_is() -> None:
    ledger = SmallLedger()
    assert ledger.post(BOB, f"/v1/accounts/{ledger.alice}/grant", BODY).status == 404
    assert ledger.post(OPERATOR, f"/v1/accounts/{ledger.alice}/grant", BODY).status == 200
    other = {"principal": "prn_other"}
    assert ledger.post(SHOP, f"/v1/accounts/{ledger.shop}/grant", other).json["code"] == "account_kind_not_allowed"


@pytest.mark.parametrize("body", [{}, {"principal": "shop"}, {"principal": 7}, {"principal": "prn_" + "a" * 61}])
def test_a_bad_principal(body: dict[str, object]) -> None:
    ledger = SmallLedger()
    assert ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/grant", body).status == 400
