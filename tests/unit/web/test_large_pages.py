"""A page never grows beyond what a function may answer, and nothing is lost by its ending earlier."""

from typing import Any

import pytest

from tests.doubles.small_ledger import OPERATOR, SmallLedger

LARGE = {f"k{number:02d}": "x" * 500 for number in range(50)}


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> SmallLedger:
    ledger = SmallLedger()
    for _ in range(7):
        ledger.clock.move(1)
        ledger.made(ledger.post(OPERATOR, "/v1/accounts", {"kind": "wallet", "currency": "USD", "metadata": LARGE}))
    monkeypatch.setattr("chalicelib.web.call.LARGEST_PAGE_BYTES", 3 * 27_000)
    return ledger


def _walk(ledger: SmallLedger, direction: str, start: dict[str, str]) -> list[str]:
    """Page to the end and return all ids, newest first."""
    found: list[str] = []
    query = start
    while True:
        page: Any = ledger.get(OPERATOR, "/v1/accounts", limit="100", **query).json
        ids = [row["id"] for row in page["data"]]
        assert 1 <= len(ids) <= 11
        found = found + ids if direction == "starting_after" else ids + found
        if not page["has_more"]:
            return found
        query = {direction: ids[-1] if direction == "starting_after" else ids[0]}


def test_both_ways_through_large_accounts(crowded: SmallLedger) -> None:
    first: Any = crowded.get(OPERATOR, "/v1/accounts", limit="100").json
    assert first["has_more"]
    assert len(first["data"]) < 11
    every = _walk(crowded, "starting_after", {})
    assert len(every) == len(set(every)) == 11
    assert _walk(crowded, "ending_before", {"ending_before": every[-1]}) == every[:-1]
