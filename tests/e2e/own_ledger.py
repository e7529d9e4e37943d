"""A ledger of a test's own on the shared stack: a tenant whose time may be moved without disturbing anybody."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from infra.local.api_client import Answer, Api
from tests.e2e.local_stack import until

FOLLOWS_SECONDS = 20.0
"""Generous for what a stream or a two-second schedule brings about on two busy cores."""


@dataclass(slots=True)
class OwnLedger:
    """The operator's client, an external account and a merchant."""

    api: Api
    tenant: str
    external: str = ""
    shop: str = ""

    def furnish(self) -> "OwnLedger":
        self.external, self.shop = self.open("external"), self.open("merchant")
        return self

    def open(self, kind: str) -> str:
        return self.made("/v1/accounts", currency="USD", kind=kind)

    def wallet(self, funds: int = 0) -> str:
        """Open a wallet, funded from outside."""
        wallet = self.open("wallet")
        if funds:
            self.made("/v1/transfers", **self.move(self.external, wallet, funds))
        return wallet

    def pay(self, payer: str, amount: int, **more: Any) -> Answer:
        body = {"amount": amount, "currency": "USD", "payer": payer, "payee": self.shop, **more}
        return self.api.post("/v1/payments", body)

    def patch(self, account: str, **settings: Any) -> Answer:
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        body = json.dumps(settings).encode()
        return self.api.send("PATCH", f"/v1/accounts/{account}", body, self.api._headers(headers))

    def advance(self, seconds: int) -> None:
        answer = self.api.post("/v1/test_clock", {"advance_seconds": seconds})
        assert answer.status == 200, answer.body

    def made(self, path: str, **body: Any) -> str:
        """Return the id of what was made; anything but success is a fault of the test's arrangement."""
        answer = self.api.post(path, body)
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a list, newest first."""
        answer = self.api.get(path)
        assert answer.status == 200, answer.body
        return list(answer.json["data"])

    def becomes(self, path: str, wanted: Mapping[str, Any]) -> None:
        """Wait until an object is as wanted."""

        def is_so() -> bool:
            found = self.api.get(path).json
            return all(found.get(name) == value for name, value in wanted.items())

        until(f"{path} has {wanted}", is_so, FOLLOWS_SECONDS)

    @staticmethod
    def move(source: str, destination: str, amount: int) -> dict[str, Any]:
        return {"source": source, "destination": destination, "amount": amount, "currency": "USD"}


def refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
