"""Listing refunds: the operator's view of the tenant."""

import pytest

from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, SHOP, SmallLedger


def test_a_page_and_the_next() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    made: list[str] = []
    for _ in range(5):
        ledger.clock.move(1)
        made.insert(0, ledger.made(ledger.refund(payment, amount=1)))
    first = ledger.get(OPERATOR, "/v1/refunds", limit="3").json
    second = ledger.get(OPERATOR, "/v1/refunds", limit="3", starting_after=made[2]).json
    assert [row["id"] for row in first["data"] + second["data"]] == made
    assert (first["has_more"], second["has_more"], first["url"]) == (True, False, "/v1/refunds")


def test_a_cursor_of_another_list_or_tenant() -> None:
    ledger = SmallLedger()
    payment = ledger.made(ledger.pay())
    refund = ledger.made(ledger.refund(payment))
    for client, cursor in ((OPERATOR, payment), (OPERATOR, "re_1"), (ELSEWHERE, refund)):
        assert ledger.get(client, "/v1/refunds", starting_after=cursor).json["code"] == "invalid_cursor"


@pytest.mark.parametrize("client", [ALICE, SHOP], ids=lambda client: client.role)
def test_it_is_the_operators(client: object) -> None:
    assert SmallLedger().get(client, "/v1/refunds").status == 403  # type: ignore[arg-type]


def test_other_filters_are_refused() -> None:
    assert SmallLedger().get(OPERATOR, "/v1/refunds", payment="pay_1").status == 400
