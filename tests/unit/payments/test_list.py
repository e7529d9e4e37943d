"""Listing payments: the operator's view of the tenant."""

import pytest

from tests.doubles.platform import Response
from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, SHOP, SmallLedger


def _ids(answer: Response) -> list[str]:
    assert answer.status == 200, answer
    return [row["id"] for row in answer.json["data"]]


def _filled(count: int) -> tuple[SmallLedger, list[str]]:
    """A ledger and its payments, newest first."""
    ledger = SmallLedger()
    made = []
    for _ in range(count):
        ledger.clock.move(1)
        made.append(ledger.made(ledger.pay(amount=1)))
    return ledger, made[::-1]


def test_ten_by_default_newest_first() -> None:
    ledger, made = _filled(12)
    answer = ledger.get(OPERATOR, "/v1/payments")
    assert _ids(answer) == made[:10]
    assert {name: answer.json[name] for name in ("object", "has_more", "url")} == {
        "object": "list",
        "has_more": True,
        "url": "/v1/payments",
    }
    assert answer.json["data"][0] == ledger.get(OPERATOR, f"/v1/payments/{made[0]}").json


@pytest.mark.parametrize(
    ("query", "first", "last", "has_more"),
    [
        ({"limit": "12"}, 0, 12, False),
        ({"limit": "11"}, 0, 11, True),
        ({"limit": "100"}, 0, 12, False),
        ({"starting_after": 3, "limit": "5"}, 4, 9, True),
        ({"starting_after": 6, "limit": "5"}, 7, 12, False),
        ({"starting_after": 11}, 12, 12, False),
        ({"ending_before": 5, "limit": "3"}, 2, 5, True),
        ({"ending_before": 3, "limit": "3"}, 0, 3, False),
        ({"ending_before": 0}, 0, 0, False),
    ],
    ids=repr,
)
def test_both_directions(query: dict[str, int | str], first: int, last: int, has_more: bool) -> None:
    ledger, made = _filled(12)
    sent = {name: made[value] if isinstance(value, int) else value for name, value in query.items()}
    answer = ledger.get(OPERATOR, "/v1/payments", **sent)
    assert (_ids(answer), answer.json["has_more"]) == (made[first:last], has_more)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"status": "captured"}, {"payer": "x"}, {"page": "2"}], ids=repr
)
def test_what_is_not_offered_is_refused(query: dict[str, str]) -> None:
    refused = SmallLedger().get(OPERATOR, "/v1/payments", **query)
    assert (refused.status, refused.json["code"]) == (400, "invalid_request")
    assert refused.json["param"] == next(iter(query))


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_cursors_are_payments_of_this_tenant(name: str) -> None:
    ledger, (payment,) = _filled(1)
    refund = ledger.made(ledger.refund(payment))
    for client, cursor in ((OPERATOR, refund), (OPERATOR, "pay_1"), (OPERATOR, ""), (ELSEWHERE, payment)):
        refused = ledger.get(client, "/v1/payments", **{name: cursor})
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


def test_another_tenants_list_is_its_own() -> None:
    ledger, _ = _filled(2)
    assert _ids(ledger.get(ELSEWHERE, "/v1/payments")) == []


@pytest.mark.parametrize("client", [ALICE, SHOP], ids=lambda client: client.role)
def test_it_is_the_operators(client: object) -> None:
    assert SmallLedger().get(client, "/v1/payments").status == 403  # type: ignore[arg-type]
