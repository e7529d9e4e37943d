"""Listing transfers: the operator's view of the tenant."""

import pytest

from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, SHOP, SmallLedger


def test_a_page_and_the_one_before() -> None:
    ledger = SmallLedger()
    made = [row["id"] for row in ledger.get(OPERATOR, "/v1/transfers").json["data"]]
    for _ in range(4):
        ledger.clock.move(1)
        made.insert(0, ledger.made(ledger.transfer(amount=1)))
    last = ledger.get(OPERATOR, "/v1/transfers", starting_after=made[2]).json
    assert [row["id"] for row in last["data"]] == made[3:]
    back = ledger.get(OPERATOR, "/v1/transfers", ending_before=made[3], limit="2").json
    assert ([row["id"] for row in back["data"]], back["has_more"]) == (made[1:3], True)


def test_declined_transfers_are_listed_too() -> None:
    ledger = SmallLedger()
    declined = ledger.transfer(amount=10**9).json["transfer"]
    rows = ledger.get(OPERATOR, "/v1/transfers").json["data"]
    assert {row["id"]: row["status"] for row in rows}[declined] == "declined"


def test_a_cursor_of_another_list_or_tenant() -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer())
    for client, cursor in ((OPERATOR, ledger.alice), (OPERATOR, "tr_1"), (ELSEWHERE, transfer)):
        assert ledger.get(client, "/v1/transfers", ending_before=cursor).json["code"] == "invalid_cursor"


@pytest.mark.parametrize("client", [ALICE, SHOP], ids=lambda client: client.role)
def test_it_is_the_operators(client: object) -> None:
    assert SmallLedger().get(client, "/v1/transfers").status == 403  # type: ignore[arg-type]
