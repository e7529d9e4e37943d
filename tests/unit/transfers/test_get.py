"""Reading a transfer: it exists for whoever made it, and for operators."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, OPERATOR, SmallLedger, foreign


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 404), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_for_whom_it_exists(client: Client, status: int) -> None:
    ledger = SmallLedger()
    made = ledger.transfer()
    transfer = made.json["id"]
    answer = ledger.get(client, f"/v1/transfers/{transfer}")
    assert answer.status == status
    if status == 200:
        assert (answer.json, answer.headers["ETag"]) == (made.json, '"1"')
        return
    missing = ledger.get(client, f"/v1/transfers/{foreign(transfer)}")
    assert answer.json["detail"].replace(transfer, "") == missing.json["detail"].replace(foreign(transfer), "")
