"""kill -9 of everything under load: what was acknowledged is there afterwards, and the books balance."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from infra.local.api_client import Api
from tests.e2e.conftest import NewStack
from tests.e2e.local_stack import LocalStack, until

WRITERS = 8
AT_LEAST = 200
"""Acknowledged payments before the kill: enough for many to be in flight, soon reached."""

PAGE = 100
FUNDS = 10_000_000


@dataclass(slots=True)
class Load:
    """Writers that pay until the connection breaks, and what they were told."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    unanswered: dict[str, dict[str, object]] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)

    def write(self, api: Api, accounts: dict[str, str], amount: int) -> None:
        """Pay one after the other; the last request of each writer has no answer."""
        payer = accounts["payer" if amount % 2 else "payer2"]
        body = {"amount": amount, "currency": "USD", "payer": payer, "payee": accounts["merchant"]}
        while not self.done.is_set():
            key = str(uuid4())
            try:
                answer = api.post("/v1/payments", body, key=key)
            except (OSError, HTTPException):
                self.unanswered[key] = body
                return
            if answer.status == 201:
                self.acknowledged[answer.json["id"]] = amount


def test_every_acknowledged_payment_survives(new_stack: NewStack) -> None:
    stack = new_stack("dynoxide").start()
    load = _until_killed(stack)
    stack.start()
    api = stack.api()
    found = {str(payment["id"]): int(payment["amount_captured"]) for payment in _all(api, "payments")}
    lost = load.acknowledged.items() - found.items()
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged payments are gone"
    assert len(found) - len(load.acknowledged) <= WRITERS, "at most one without an answer for each writer"
    _balanced(api, stack.sandbox.accounts, sum(found.values()))
    for key, body in load.unanswered.items():
        first = api.post("/v1/payments", body, key=key)
        assert first.status == 201
        assert api.post("/v1/payments", body, key=key).body == first.body
    _balanced(api, stack.sandbox.accounts, sum(load.acknowledged.values()) + _total(load.unanswered))
    api.close()


def _until_killed(stack: LocalStack) -> Load:
    load, accounts, api = Load(), stack.sandbox.accounts, stack.api()
    with ThreadPoolExecutor(WRITERS) as writers:
        clones = [api.clone() for _ in range(WRITERS)]
        running = [writers.submit(load.write, clone, accounts, number + 1) for number, clone in enumerate(clones)]
        try:
            until("enough is acknowledged", lambda: len(load.acknowledged) >= AT_LEAST, 60)
            stack.kill_all()
        finally:
            load.done.set()
        for one in running:
            one.result(timeout=40)
    for client in (api, *clones):
        client.close()
    assert load.unanswered, "it ended while somebody waited"
    return load


def _balanced(api: Api, accounts: dict[str, str], paid: int) -> None:
    """Check that what left the payers is what reached the merchant, and that all balances sum to zero."""
    balance = {name: api.get(f"/v1/accounts/{account}").json["balance"] for name, account in accounts.items()}
    posted = {name: row["posted"] for name, row in balance.items()}
    assert posted["merchant"] == paid
    assert posted["payer"] + posted["payer2"] == 2 * FUNDS - paid
    assert sum(posted.values()) == 0, posted
    assert all(row["held"] == 0 for row in balance.values())


def _all(api: Api, kind: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = api.get(f"/v1/{kind}?limit={PAGE}{after}").json
        yield from page["data"]
        if not page["has_more"]:
            return
        after = f"&starting_after={page['data'][-1]['id']}"


def _total(bodies: dict[str, dict[str, object]]) -> int:
    return sum(int(str(body["amount"])) for body in bodies.values())
