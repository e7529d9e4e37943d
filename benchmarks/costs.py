"""Write units and round trips of each operation, by AWS's published rules on the real writes."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from benchmarks.report import row
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.platform import Client, Platform


def report() -> None:
    """Print a table: each operation with a UUID as its key, as clients send them."""
    row("operation", "write units", "reads", "writes")
    dynamo = FaultyDynamo(MemoryDynamo())
    platform = Platform(dynamo)
    client = platform.register(Client())
    numbers = iter(range(1_000))

    def post(path: str, body: dict[str, Any]) -> Any:
        key = str(UUID(int=2**127 + next(numbers)))
        return platform.request(client, "POST", path, body, key=key).json

    def account(kind: str) -> str:
        return str(post("/v1/accounts", {"currency": "USD", "kind": kind})["id"])

    external, payer, other, merchant = (account(k) for k in ("external", "wallet", "wallet", "merchant"))
    money = {"amount": 100, "currency": "USD"}
    pay = {**money, "payer": payer, "payee": merchant}
    post("/v1/transfers", {**money, "amount": 10_000, "source": external, "destination": payer})
    held = post("/v1/payments", {**pay, "capture": "manual"})["id"]
    rest = post("/v1/payments", {**pay, "capture": "manual"})["id"]
    paid = post("/v1/payments", pay)["id"]
    for room in ("accounts", "payments", "refunds", "transfers"):
        platform.request(client, "GET", f"/v1/{room}")  # a warm function knows the client's status

    operations: dict[str, Callable[[], Any]] = {
        "payment, one-shot": lambda: post("/v1/payments", pay),
        "payment, declined": lambda: post("/v1/payments", {**pay, "amount": 10**9}),
        "payment, hold": lambda: post("/v1/payments", {**pay, "capture": "manual"}),
        "capture": lambda: post(f"/v1/payments/{held}/capture", {}),
        "cancel": lambda: post(f"/v1/payments/{rest}/cancel", {}),
        "refund": lambda: post("/v1/refunds", {"payment": paid}),
        "transfer": lambda: post("/v1/transfers", {**money, "source": payer, "destination": other}),
        "account, wallet": lambda: account("wallet"),
        "account, merchant (4 slices)": lambda: account("merchant"),
    }
    for name, run in operations.items():
        dynamo.reset_counters()
        run()
        trips = dynamo.round_trips
        reads = sum(count for kind, count in trips.items() if kind != "transact")
        row(name, str(dynamo.write_units), str(reads), str(trips["transact"]))
