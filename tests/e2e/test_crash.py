"""A function's process dies in the middle of requests: those get 502, the others go on, and no money is lost."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psutil

from infra.local.api_client import Answer, Api
from tests.e2e.local_stack import LocalStack

PAYMENTS = 200
KILLED_AFTER = 40


def _workers(stack: LocalStack, handler: str) -> list[psutil.Process]:
    """Return the processes that run a handler now."""
    assert stack.process is not None
    found = []
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        try:
            if process.environ().get("_HANDLER") == handler:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def test_a_killed_function_costs_only_its_own_requests(stack: LocalStack, api: Api, accounts: dict[str, str]) -> None:
    wallet = api.post("/v1/accounts", {"currency": "USD", "kind": "wallet"}).json["id"]
    funding = {"source": accounts["external"], "destination": wallet, "amount": PAYMENTS, "currency": "USD"}
    assert api.post("/v1/transfers", funding).status == 201
    body = {"amount": 1, "currency": "USD", "payer": wallet, "payee": accounts["merchant"]}
    keys = [str(uuid4()) for _ in range(PAYMENTS)]

    def pay(numbered: tuple[int, str]) -> Answer:
        number, key = numbered
        if number == KILLED_AFTER:
            for worker in _workers(stack, "chalicelib.payments.entrypoint.handle"):
                worker.kill()
        client = api.clone()
        try:
            return client.post("/v1/payments", body, key=key)
        finally:
            client.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(pay, enumerate(keys)))
    assert {answer.status for answer in answers} <= {201, 502}
    for answer in answers:
        if answer.status == 502:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["code"] == "integration_failure"
    assert answers[-1].status == 201, "it was replaced"
    assert api.get(f"/v1/accounts/{wallet}").status == 200, "other functions never noticed"
    again = [api.post("/v1/payments", body, key=key) for key in keys]
    assert {answer.status for answer in again} == {201}
    assert all(first.body == second.body for first, second in zip(answers, again, strict=True) if first.status == 201)
    assert api.available(wallet) == 0, "each key had one effect, whatever its first answer was"
