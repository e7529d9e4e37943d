"""Freezing: debits stop, credits and promises go on."""

import pytest

from chalicelib.ledger.chart import slices_of
from chalicelib.store.keys import balance_key, state_key
from tests.doubles.audit import audit
from tests.doubles.small_ledger import ALICE, OPERATOR, SHOP, TENANT, SmallLedger, foreign


def _freeze(ledger: SmallLedger, account: str, **more: str) -> int:
    return ledger.post(OPERATOR, f"/v1/accounts/{account}/freeze", **more).status


def test_the_answer_and_the_version() -> None:
    ledger = SmallLedger()
    answer = ledger.post(OPERATOR, f"/v1/accounts/{ledger.alice}/freeze")
    assert (answer.status, answer.json["status"], answer.json["version"]) == (200, "frozen", 2)
    assert answer.headers["ETag"] == '"2"'
    assert "balance" not in answer.json
    assert ledger.get(ALICE, f"/v1/accounts/{ledger.alice}").json["status"] == "frozen"


@pytest.mark.parametrize("kind", ["wallet", "merchant"])
def test_every_balance_knows_at_once(kind: str) -> None:
    ledger = SmallLedger()
    account = ledger.open(ALICE, kind)
    assert _freeze(ledger, account) == 200
    items = ledger.store.inner.items
    keys = [balance_key(TENANT, account, number) for number in range(slices_of(account))]
    assert all(items[key]["s"] == "frozen" for key in keys)
    assert all(items[key]["q"] == 0 for key in keys), "a freeze is no posting"
    audit(items)


def test_what_a_freeze_stops_and_what_it_does_not() -> None:
    ledger = SmallLedger()
    held = ledger.authorize(amount=300)
    other = ledger.authorize(amount=200)
    assert _freeze(ledger, ledger.alice) == 200
    declined = ledger.pay()
    assert (declined.status, declined.json["code"]) == (402, "account_frozen")
    assert ledger.pay(capture="manual").status == 402
    assert ledger.transfer().status == 402
    assert ledger.transfer(OPERATOR, source=ledger.external, destination=ledger.alice).status == 201
    assert ledger.step(held, "capture").status == 200
    assert ledger.step(other, "cancel").status == 200
    assert ledger.balance(ledger.alice) == {"posted": 9_800, "held": 0, "available": 9_800}
    audit(ledger.store.inner.items)


def test_a_frozen_payee_is_still_paid_and_gives_nothing_back() -> None:
    ledger = SmallLedger()
    assert _freeze(ledger, ledger.shop) == 200
    payment = ledger.made(ledger.pay())
    refused = ledger.refund(payment)
    assert (refused.status, refused.json["decline_code"]) == (402, "account_frozen")
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("client", [ALICE, SHOP], ids=lambda client: client.role)
def test_only_the_operator_freezes(client: object) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    assert ledger.post(client, f"/v1/accounts/{ledger.alice}/freeze").status == 403  # type: ignore[arg-type]
    assert ledger.snapshot() == before


@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_only_an_open_account_is_frozen(status: str) -> None:
    ledger = SmallLedger()
    item = {**ledger.state("account", ledger.alice), "s": status}
    ledger.store.inner.seed(state_key(TENANT, "account", ledger.alice), item)
    refused = ledger.post(OPERATOR, f"/v1/accounts/{ledger.alice}/freeze")
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")


def test_a_missing_account() -> None:
    ledger = SmallLedger()
    assert _freeze(ledger, foreign(ledger.alice)) == 404


def test_the_body_is_empty_or_an_empty_object() -> None:
    ledger = SmallLedger()
    path = f"/v1/accounts/{ledger.alice}/freeze"
    assert ledger.post(OPERATOR, path, {"reason": "x"}).status == 400
    first = ledger.post(OPERATOR, path, key="k")
    assert ledger.post(OPERATOR, path, {}, key="k").text == first.text
