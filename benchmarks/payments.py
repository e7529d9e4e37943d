"""Payments per second over HTTPS through the whole stack, with the lean client and with boto3."""

from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from benchmarks.engine import Alone
from benchmarks.load import Plan, Result, run
from benchmarks.report import row
from benchmarks.side import Side, check_books, payment_request, running_side
from infra.local.place import WORKERS

CONNECTIONS = (1, 16, 64)
WARMING_SECONDS = 1.5
KINDS = (("lean", "awslambdaric"), ("boto3", "awslambdaric"), ("lean", "fast"))
"""The client for the ledger, and the worker that runs the functions."""


def report(root: Path, seconds: float, alone: Alone) -> None:
    """Print both stacks, measured in turns, beside the engine's own rate."""
    row("ledger client, connections", "payments/s", "p50 ms", "p99 ms", "not 201", "engine boto3 =1")
    with ExitStack() as stacks:
        sides = [stacks.enter_context(_side(root, *kind)) for kind in KINDS]
        for connections in CONNECTIONS:
            lean, boto3, fast = (_measure(side, connections, seconds, alone) for side in sides)
            row(f"  ratio lean : boto3 at {connections}", f"{lean / boto3:.2f}")
            row(f"  ratio fast worker : awslambdaric at {connections}", f"{fast / lean:.2f}")
        for side in sides:
            check_books(side)


def _side(root: Path, client: str, worker: str) -> AbstractContextManager[Side]:
    name = client if worker == WORKERS[0] else f"{client}, {worker} worker"
    return running_side(root / f"{client}-{worker}", name, client, worker)


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
