"""Reading a payment: for whom it exists, and with which version."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


def test_what_was_made_is_what_is_read() -> None:
    ledger = SmallLedger()
    made = ledger.pay(description="d", metadata={"a": "b"})
    answer = ledger.get(ALICE, f"/v1/payments/{made.json['id']}")
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, made.json, '"1"')


def test_every_change_is_another_version() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    captured = ledger.step(payment, "capture")
    answer = ledger.get(ALICE, f"/v1/payments/{payment}")
    assert (answer.json, answer.headers["ETag"]) == (captured.json, '"2"')
    ledger.made(ledger.refund(payment, amount=40))
    refunded = ledger.get(ALICE, f"/v1/payments/{payment}").json
    assert (refunded["status"], refunded["amount_refunded"], refunded["version"]) == ("captured", 40, 3)


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (SHOP, 200), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_for_whom_it_exists(client: Client, status: int) -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    answer = ledger.get(client, f"/v1/payments/{payment}")
    assert answer.status == status
    if status == 404:
        missing = ledger.get(client, f"/v1/payments/{foreign(payment)}")
        assert answer.json["detail"].replace(payment, "") == missing.json["detail"].replace(foreign(payment), "")
        assert answer.json["code"] == missing.json["code"]
