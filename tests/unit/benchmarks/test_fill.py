"""What is filled in is what as many requests would have stored."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.fill import TOGETHER, Fill
from chalicelib.store.commit import read_legs
from chalicelib.store.port import Item, Write
from infra.local.seed import PRINCIPAL, TENANT
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.platform import Client, Platform


class Counting(MemoryDynamo):
    """MemoryDynamo that counts its transactions."""

    transactions = 0

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        self.transactions += 1
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)


def _kind(item: Item) -> str:
    return str(item["pk"]).partition("#")[2].partition("#")[0]


def test_payments_are_stored_whole_and_replayed() -> None:
    dynamo = Counting()
    platform = Platform(dynamo)
    client = platform.register(Client(principal=PRINCIPAL, tenant=TENANT))

    def post(path: str, **body: object) -> str:
        answer = platform.request(client, "POST", path, {"currency": "USD", **body}, key=f"key-{platform.requests}")
        return str(answer.json["id"])

    external = post("/v1/accounts", kind="external")
    payers = [post("/v1/accounts", kind="wallet") for _ in range(TOGETHER)]
    payees = [post("/v1/accounts", kind="merchant") for _ in range(TOGETHER)]
    for payer in payers:
        post("/v1/transfers", source=external, destination=payer, amount=10)
    dynamo.transactions = 0
    fill = Fill(dynamo, payers, payees)
    fill.up_to(2 * TOGETHER)
    fill.up_to(2 * TOGETHER)
    assert (fill.stored, dynamo.transactions) == (50, 2)

    kinds = Counter(_kind(item) for item in dynamo.items.values())
    assert kinds["payment"] == 50
    legs = [
        leg
        for item in dynamo.items.values()
        if _kind(item) == "commit" and item["op"] == "payments.create"
        for leg in read_legs(item)
    ]
    assert len(legs) == 100
    assert sum(leg.posted_minor for leg in legs) == 0
    balances = [item for item in dynamo.items.values() if _kind(item) == "balance"]
    assert sum(int(str(item["p"])) for item in balances) == 0

    key, body = fill.request(49)
    again = platform.request(client, "POST", "/v1/payments", body, key=key)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    shown = platform.request(client, "GET", f"/v1/accounts/{payers[0]}").json["balance"]
    assert shown["posted"] == 8
