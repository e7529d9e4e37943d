"""Reading a refund: it exists for those for whom its payment exists."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SHOP, SmallLedger, foreign


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (SHOP, 200), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_for_whom_it_exists(client: Client, status: int) -> None:
    ledger = SmallLedger()
    made = ledger.refund(ledger.made(ledger.pay()))
    refund = made.json["id"]
    answer = ledger.get(client, f"/v1/refunds/{refund}")
    assert answer.status == status
    if status == 200:
        assert (answer.json, answer.headers["ETag"]) == (made.json, '"1"')
        return
    missing = ledger.get(client, f"/v1/refunds/{foreign(refund)}")
    assert answer.json["detail"].replace(refund, "") == missing.json["detail"].replace(foreign(refund), "")
