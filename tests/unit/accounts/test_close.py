"""Closing: only empty, for good, and whatever the slices hold each."""

import pytest

from chalicelib.store.keys import balance_key
from tests.doubles.audit import audit
from tests.doubles.small_ledger import ALICE, BOB, OPERATOR, SHOP, TENANT, SmallLedger


def _close(ledger: SmallLedger, account: str, client: object = OPERATOR) -> int:
    return ledger.post(client, f"/v1/accounts/{account}/close").status  # type: ignore[arg-type]


def test_an_empty_wallet() -> None:
    ledger = SmallLedger()
    answer = ledger.post(BOB, f"/v1/accounts/{ledger.bob}/close")
    assert (answer.status, answer.json["status"], answer.json["version"]) == (200, "closed", 2)
    assert ledger.transfer().json["code"] == "account_closed"
    assert ledger.pay(payee=ledger.bob).json["code"] == "account_closed"
    for verb in ("close", "freeze", "unfreeze"):
        assert ledger.post(OPERATOR, f"/v1/accounts/{ledger.bob}/{verb}").status == 409
    assert ledger.patch(BOB, f"/v1/accounts/{ledger.bob}", {"metadata": {}}).status == 409


def test_not_with_money_nor_with_a_hold() -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    assert _close(ledger, ledger.alice, ALICE) == 409
    assert ledger.snapshot() == before
    ledger.patch(OPERATOR, f"/v1/accounts/{ledger.bob}", {"overdraft_limit": 50})
    held = ledger.made(ledger.pay(BOB, payer=ledger.bob, amount=50, capture="manual"))
    assert _close(ledger, ledger.bob, BOB) == 409
    assert ledger.step(held, "cancel", BOB).status == 200
    assert _close(ledger, ledger.bob, BOB) == 200


def test_slices_that_hold_money_which_sums_to_zero() -> None:
    ledger = SmallLedger(seed=3)
    for _ in range(6):
        payment = ledger.made(ledger.pay(amount=10))
        ledger.made(ledger.refund(payment))
    items = ledger.store.inner.items
    assert any(items[balance_key(TENANT, ledger.shop, number)]["p"] for number in range(4))
    assert _close(ledger, ledger.shop, SHOP) == 200
    assert not any(items[balance_key(TENANT, ledger.shop, number)]["p"] for number in range(4))
    assert ledger.pay().json["code"] == "account_closed"
    audit(items)


def test_money_that_arrives_meanwhile() -> None:
    """Between the look and the commit a credit arrives: the commit sees it, and the account stays open."""
    ledger = SmallLedger()
    store, transact = ledger.store, ledger.store.transact
    raced: list[int] = []

    def meanwhile(*args: object, **more: object) -> None:
        if not raced:
            raced.append(1)
            ledger.made(ledger.transfer(amount=5))
        transact(*args, **more)  # type: ignore[arg-type]

    store.transact = meanwhile  # type: ignore[method-assign]
    assert _close(ledger, ledger.bob, BOB) == 409
    assert ledger.balance(ledger.bob)["posted"] == 5


@pytest.mark.parametrize("client", [ALICE, SHOP], ids=["alice", "shop"])
def test_nobody_elses(client: object) -> None:
    ledger = SmallLedger()
    assert _close(ledger, ledger.bob, client) == 404
