"""Unfreezing: debits are allowed again."""

import pytest

from tests.doubles.audit import audit
from tests.doubles.small_ledger import ALICE, OPERATOR, SmallLedger, foreign


def _step(ledger: SmallLedger, verb: str, account: str) -> int:
    return ledger.post(OPERATOR, f"/v1/accounts/{account}/{verb}").status


@pytest.mark.parametrize("kind", ["wallet", "merchant"])
def test_there_and_back(kind: str) -> None:
    ledger = SmallLedger()
    account = ledger.open(ALICE, kind)
    assert _step(ledger, "freeze", account) == 200
    answer = ledger.post(OPERATOR, f"/v1/accounts/{account}/unfreeze")
    assert (answer.status, answer.json["status"], answer.json["version"]) == (200, "open", 3)
    audit(ledger.store.inner.items)


def test_money_moves_again() -> None:
    ledger = SmallLedger()
    _step(ledger, "freeze", ledger.alice)
    assert ledger.pay(key="k").status == 402
    _step(ledger, "unfreeze", ledger.alice)
    assert ledger.pay(key="k").status == 402, "a decline is remembered"
    assert ledger.pay().status == 201


def test_only_a_frozen_account_is_unfrozen() -> None:
    ledger = SmallLedger()
    refused = ledger.post(OPERATOR, f"/v1/accounts/{ledger.alice}/unfreeze")
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")


def test_an_owner_cannot_lift_a_freeze() -> None:
    ledger = SmallLedger()
    _step(ledger, "freeze", ledger.alice)
    assert ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/unfreeze").status == 403
    assert ledger.pay().status == 402


def test_a_missing_account() -> None:
    ledger = SmallLedger()
    assert _step(ledger, "unfreeze", foreign(ledger.alice)) == 404
