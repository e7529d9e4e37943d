"""Listing accounts: the operator's view and one's own."""

import pytest

from tests.doubles.platform import Response
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger


def _ids(answer: Response) -> list[str]:
    assert answer.status == 200, answer
    return [row["id"] for row in answer.json["data"]]


def test_the_operator_sees_all_newest_first() -> None:
    ledger = SmallLedger()
    ledger.clock.move(1)
    newest = ledger.open(BOB, "wallet")
    answer = ledger.get(OPERATOR, "/v1/accounts")
    assert answer.json["object"] == "list"
    assert answer.json["url"] == "/v1/accounts"
    assert answer.json["has_more"] is False
    assert _ids(answer)[0] == newest
    assert sorted(_ids(answer)) == sorted([newest, ledger.external, ledger.alice, ledger.bob, ledger.shop])
    assert all("balance" not in row for row in answer.json["data"])


def test_everybody_else_sees_their_own() -> None:
    ledger = SmallLedger()
    assert _ids(ledger.get(ALICE, "/v1/accounts")) == [ledger.alice]
    assert _ids(ledger.get(SHOP, "/v1/accounts")) == [ledger.shop]
    assert _ids(ledger.get(ELSEWHERE, "/v1/accounts")) == []


@pytest.mark.parametrize("client", [ALICE, OPERATOR], ids=lambda client: client.role)
def test_paging_through_ones_accounts(client: object) -> None:
    ledger = SmallLedger()
    for _ in range(6):
        ledger.clock.move(1)
        ledger.open(ALICE, "wallet")
    everything = _ids(ledger.get(client, "/v1/accounts", limit="100"))  # type: ignore[arg-type]
    first = ledger.get(client, "/v1/accounts", limit="3")  # type: ignore[arg-type]
    second = ledger.get(client, "/v1/accounts", limit="3", starting_after=_ids(first)[-1])  # type: ignore[arg-type]
    assert _ids(first) + _ids(second) == everything[:6]
    back = ledger.get(client, "/v1/accounts", limit="3", ending_before=_ids(second)[0])  # type: ignore[arg-type]
    assert _ids(back) == _ids(first)
    assert back.json["has_more"] is False
    assert first.json["has_more"] is True


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_somebody_elses_account_is_no_cursor(name: str) -> None:
    ledger = SmallLedger()
    for client, cursor in ((BOB, ledger.alice), (ELSEWHERE, ledger.alice), (ALICE, "acct_1"), (ALICE, ledger.bob)):
        refused = ledger.get(client, "/v1/accounts", **{name: cursor})
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


def test_other_filters_are_refused() -> None:
    assert SmallLedger().get(ALICE, "/v1/accounts", currency="USD").status == 400
