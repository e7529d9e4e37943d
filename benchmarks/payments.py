"""Payments per second over HTTPS through the whole stack, with the lean client and with boto3."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from benchmarks.engine import Alone
from benchmarks.load import Plan, Result, http_request, run
from benchmarks.report import row
from infra.local.engines import free_port
from infra.local.place import WORKERS, Place
from infra.local.run import running
from infra.local.seed import Sandbox, seed

CONNECTIONS = (1, 16, 64)
WARMING_SECONDS = 1.5
KINDS = (("lean", "awslambdaric"), ("boto3", "awslambdaric"), ("lean", "fast"))
"""The client for the ledger, and the worker that runs the functions."""


@dataclass(frozen=True, slots=True)
class Side:
    """One stack under load, and what its payers had before."""

    name: str
    sandbox: Sandbox


def report(root: Path, seconds: float, alone: Alone) -> None:
    """Print both stacks, measured in turns, beside the engine's own rate."""
    row("ledger client, connections", "payments/s", "p50 ms", "p99 ms", "not 201", "engine boto3 =1")
    with ExitStack() as stacks:
        sides = [stacks.enter_context(_stack(root, *kind)) for kind in KINDS]
        for connections in CONNECTIONS:
            lean, boto3, fast = (_measure(side, connections, seconds, alone) for side in sides)
            row(f"  ratio lean : boto3 at {connections}", f"{lean / boto3:.2f}")
            row(f"  ratio fast worker : awslambdaric at {connections}", f"{fast / lean:.2f}")
        for side in sides:
            _check_books(side)


def _measure(side: Side, connections: int, seconds: float, alone: Alone) -> float:
    sandbox = side.sandbox
    token = sandbox.api().login().token
    requests = tuple(_payment(sandbox, token, payer) for payer in ("payer", "payer2"))
    warming = Plan(sandbox.base_url, sandbox.ca, requests, connections, WARMING_SECONDS, uuid4().hex[:8])
    run(warming)  # environments start with the load, and each start takes a core for a while
    result = run(replace(warming, seconds=seconds, key_prefix=uuid4().hex[:8]))
    _print(side.name, connections, result, alone)
    return result.rate


def _print(name: str, connections: int, result: Result, alone: Alone) -> None:
    others = sum(count for status, count in result.statuses.items() if status != "201")
    row(
        f"{name}, {connections}",
        f"{result.rate:.0f}",
        f"{result.p50_ms:.1f}",
        f"{result.p99_ms:.1f}",
        str(others),
        f"{result.rate / alone.boto3_rate:.2f}",
    )


def _payment(sandbox: Sandbox, token: str, payer: str) -> str:
    body = {
        "amount": 1,
        "currency": "USD",
        "payer": sandbox.accounts[payer],
        "payee": sandbox.accounts["merchant"],
    }
    headers = {
        "Host": "localhost",
        "Authorization": f"Bearer {token}",
        "x-api-key": sandbox.credentials.api_key,
        "Content-Type": "application/json",
        "Idempotency-Key": "@key@",
    }
    return http_request("POST", "/v1/payments", headers, json.dumps(body))


def _check_books(side: Side) -> None:
    """A rate of wrong balances is no rate: what the payers lost is what the merchant has."""
    api = side.sandbox.api().login()
    total = sum(api.get(f"/v1/accounts/{a}").json["balance"]["posted"] for a in side.sandbox.accounts.values())
    api.close()
    row(f"{side.name}: sum of all balances", str(total))
    assert total == 0, "the books do not balance"


@contextmanager
def _stack(root: Path, client: str, worker: str) -> Iterator[Side]:
    """Run a stack of its own whose functions use this client for the ledger and this worker."""
    name = client if worker == WORKERS[0] else f"{client}, {worker} worker"
    local = root / f"{client}-{worker}"
    place = Place(free_port(), local / "data", local, os.environ.get("ENGINE") or "auto", worker)
    os.environ["DYNAMO_CLIENT"] = client
    local.mkdir(parents=True)
    try:
        with running(place, access_log=local / "access.log") as (stack, _):
            yield Side(name, seed(place.data, place.base_url, stack.certificates.ca))
    finally:
        os.environ.pop("DYNAMO_CLIENT", None)
