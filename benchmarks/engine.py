"""The engine's own rate for the transaction of a payment, through boto3 and through the lean client."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import boto3

from benchmarks.report import row
from chalicelib.store.codec import TableNames
from chalicelib.store.dynamo import Boto3Dynamo, LeanDynamo
from chalicelib.store.port import Absent, AtLeast, Dynamo, Equals, Key, Put, Update, Write
from infra.local import engines
from infra.local.place import STAGE, aws_environment
from infra.resources import read_resources
from infra.tables import apply_tables

ROUNDS = 3
"""Both clients take turns, so that a change of the machine's mood meets both."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Transactions per second of one client."""

    boto3_rate: float
    lean_rate: float


def report(folder: Path, seconds: float) -> Alone:
    """Print both rates and their CPU, and return them."""
    row("client", "per second", "CPU ms each")
    with _engine(folder):
        tables = ledger_tables()
        clients: dict[str, Dynamo] = {"boto3": Boto3Dynamo(tables), "lean": LeanDynamo(tables)}
        rates = _rates(clients, seconds / ROUNDS)
    row("ratio lean : boto3", f"{rates['lean'] / rates['boto3']:.2f}")
    return Alone(rates["boto3"], rates["lean"])


def ledger_tables() -> TableNames:
    """Return what the tables of the local stage are called."""
    return read_resources(STAGE).table_names


def _rates(clients: dict[str, Dynamo], seconds: float) -> dict[str, float]:
    numbers = count()
    done = dict.fromkeys(clients, 0)
    cpu = dict.fromkeys(clients, 0.0)
    spent = dict.fromkeys(clients, 0.0)
    for _ in range(ROUNDS):
        for name, client in clients.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            while time.perf_counter() - began < seconds:
                number = next(numbers)
                client.transact(_payment(number), token=f"bench-{number}", timeout_seconds=10)
                done[name] += 1
            spent[name] += time.perf_counter() - began
            cpu[name] += time.process_time() - began_cpu
    for name in clients:
        row(name, f"{done[name] / spent[name]:.0f}", f"{cpu[name] / done[name] * 1_000:.2f}")
    return {name: done[name] / spent[name] for name in clients}


def _payment(number: int) -> list[Write]:
    """Return writes of the shape and size that a one-shot payment has."""
    payer, payee = (Key("ledger", f"bench#balance#{side}", "acct") for side in "01")
    return [
        Put(Key("commits", f"bench#commit#{number % 256:02x}", f"c/{number:036d}"), {"b": b"x" * 560}, (Absent(),)),
        Put(Key("ledger", f"bench#payment#{number % 8}", f"pay_{number:027d}"), {"d": "x" * 280}, (Absent(),)),
        Update(payer, add={"p": -1, "f": -1, "q": 1}, when=(Equals("c", "USD"), AtLeast("f", 1))),
        Update(payee, add={"p": 1, "q": 1}, when=(Equals("c", "USD"),)),
    ]


@contextmanager
def _engine(folder: Path) -> Iterator[None]:
    choice = engines.choose(os.environ.get("ENGINE") or "auto", engines.ROOT / ".local" / "engine")
    engine = engines.start(choice, data=folder)
    try:
        os.environ.update(aws_environment(engine.url, engine.url))
        resources = read_resources(STAGE)
        apply_tables(resources, boto3.client("dynamodb"))
        accounts: list[Write] = [
            Put(Key("ledger", f"bench#balance#{side}", "acct"), {"c": "USD", "p": 0, "f": 10**12, "q": 0})
            for side in "01"
        ]
        LeanDynamo(ledger_tables()).transact(accounts, token="bench", timeout_seconds=10)  # noqa: S106
        yield
    finally:
        engine.stop()
