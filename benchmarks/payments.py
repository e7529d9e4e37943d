"""Payments per second over HTTPS through the whole stack, with the lean client and with boto3."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from benchmarks.engine import Alone
from benchmarks.load import Plan, Result, run
from benchmarks.report import row
from benchmarks.side import Side, StackKind, check_books, payment_request, running_side

CONNECTIONS = (1, 16, 64)
WARMING_SECONDS = 1.5
POLL_SECONDS = 0.1
LIVE_TENANT = "bench.live"
"""Without a test clock, as where real money is: a sandbox reads its clock for each request."""

LEAN = StackKind(tenant=LIVE_TENANT)
OTHERS = {
    "boto3": replace(LEAN, client="boto3"),
    "fast worker": replace(LEAN, worker="fast"),
    "no projections": replace(LEAN, follows=False),
}


def report(root: Path, seconds: float, alone: Alone) -> None:
    """Print one stack of each kind in turns, beside the engine's own rate."""
    row("ledger client, connections", "payments/s", "p50 ms", "p99 ms", "not 201", "engine boto3 =1")
    for connections in CONNECTIONS:
        lean, *others = (_one(root, kind, connections, seconds, alone) for kind in (LEAN, *OTHERS.values()))
        for name, rate in zip(OTHERS, others, strict=True):
            row(f"  ratio {name} : lean at {connections}", f"{rate / lean:.2f}")


def _one(root: Path, kind: StackKind, connections: int, seconds: float, alone: Alone) -> float:
    """Measure a stack that is alone on the machine: what another one still has to project would be in its way."""
    folder = root / f"{kind.client}-{kind.worker}-{kind.follows}-{connections}"
    with running_side(folder, kind.name, kind) as side:
        rate = _measure(side, connections, seconds, alone)
        if kind.follows:
            row("  statements caught up after", f"{_catch_up_seconds(side):.1f} s")
        check_books(side)
    return rate


def _measure(side: Side, connections: int, seconds: float, alone: Alone) -> float:
    sandbox = side.sandbox
    token = sandbox.api().login().token
    accounts = sandbox.accounts
    requests = tuple(
        payment_request(sandbox, token, accounts[payer], accounts["merchant"]) for payer in ("payer", "payer2")
    )
    warming = Plan(sandbox.base_url, sandbox.ca, requests, connections, WARMING_SECONDS, uuid4().hex[:8])
    run(warming)  # environments start with the load, and each start takes a core for a while
    result = run(replace(warming, seconds=seconds, key_prefix=uuid4().hex[:8]))
    _print(side.name, connections, result, alone)
    return result.rate


def _catch_up_seconds(side: Side) -> float:
    """Wait until the payers' statements are complete; until then the balance of an instant is refused with 503."""
    api, began_seconds = side.sandbox.api().login(), time.monotonic()
    instant = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for payer in ("payer", "payer2"):
        while api.get(f"/v1/accounts/{side.sandbox.accounts[payer]}?at={instant}").status != 200:
            time.sleep(POLL_SECONDS)
    api.close()
    return time.monotonic() - began_seconds


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
