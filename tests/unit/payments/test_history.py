"""A payment's history: every step with the payment as it was left."""

from typing import Any

import pytest

from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, FUNDS_MINOR, OPERATOR, SHOP
from tests.doubles.statements import Projected


def _lived(world: Projected) -> str:
    payment = world.ledger.authorize(amount=300)
    for amount in (100, 50, 50):
        world.ledger.clock.move(1)
        assert world.ledger.step(payment, "capture", amount=amount).status == 200
    world.ledger.step(payment, "cancel")
    world.catch_up()
    return payment


@pytest.mark.parametrize("client", [ALICE, SHOP, OPERATOR], ids=["payer", "payee", "operator"])
def test_every_step_newest_first(client: Any) -> None:
    world = Projected()
    payment = _lived(world)
    rows = world.ledger.get(client, f"/v1/payments/{payment}/history").json["data"]
    assert [(row["object_version"], row["type"], row["data"]["amount_captured"]) for row in rows] == [
        (5, "payment.captured", 200),
        (4, "payment.partially_captured", 200),
        (3, "payment.partially_captured", 150),
        (2, "payment.partially_captured", 100),
        (1, "payment.authorized", 0),
    ]
    assert rows[0]["data"] == world.ledger.get(client, f"/v1/payments/{payment}").json
    assert {row["principal"] for row in rows} == {"prn_alice"}


def test_paging_both_ways() -> None:
    world = Projected()
    path = f"/v1/payments/{_lived(world)}/history"
    every = [row["id"] for row in world.ledger.get(ALICE, path).json["data"]]
    first = world.ledger.get(ALICE, path, limit="2").json
    rest = world.ledger.get(ALICE, path, limit="3", starting_after=first["data"][-1]["id"]).json
    assert [row["id"] for row in first["data"] + rest["data"]] == every
    assert (first["has_more"], rest["has_more"]) == (True, False)
    back = world.ledger.get(ALICE, path, limit="100", ending_before=every[3]).json
    assert [row["id"] for row in back["data"]] == every[:3]


def test_a_refund_is_a_step_of_the_payment() -> None:
    world = Projected()
    payment = world.ledger.made(world.ledger.pay())
    world.ledger.made(world.ledger.refund(payment, amount=30))
    world.catch_up()
    rows = world.ledger.get(ALICE, f"/v1/payments/{payment}/history").json["data"]
    assert [(row["object_version"], row["type"]) for row in rows] == [(2, "payment.refunded"), (1, "payment.captured")]
    assert rows[0]["data"] is None, "the refund's commit holds the refund; the payment is one read away"


def test_a_decline_is_a_step_with_the_payment_as_it_was_declined() -> None:
    world = Projected()
    declined = world.ledger.pay(amount=FUNDS_MINOR + 1).json["payment"]
    world.catch_up()
    (row,) = world.ledger.get(ALICE, f"/v1/payments/{declined}/history").json["data"]
    assert (row["type"], row["data"]["status"], row["data"]["id"]) == ("payment.declined", "declined", declined)
    assert row["data"] == world.ledger.get(ALICE, f"/v1/payments/{declined}").json


@pytest.mark.parametrize("client", [BOB, ELSEWHERE], ids=["bob", "elsewhere"])
def test_somebody_elses_payment(client: Any) -> None:
    world = Projected()
    assert world.ledger.get(client, f"/v1/payments/{_lived(world)}/history").status == 404


def test_a_cursor_of_another_history() -> None:
    world = Projected()
    path = f"/v1/payments/{_lived(world)}/history"
    other = f"/v1/payments/{_lived(world)}/history"
    cursor = world.ledger.get(ALICE, other).json["data"][0]["id"]
    for given in (cursor, "evt_" + "0" * 26 + "1", "pay_1", "x"):
        answer = world.ledger.get(ALICE, path, starting_after=given)
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")
