"""Two releases against one table: what one writes the other reads, moves on and verifies, in either direction.

The release that comes next is planted (tests/doubles/release_shapes.py): there is none yet, and the test is of how a
release is made. Each release is a process of its own with the lean client; the table is moto's.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import boto3
import pytest

from infra.functions import ROOT, function_rows
from infra.local import engines
from infra.resources import read_resources
from infra.tables import apply_tables
from tests.doubles.small_ledger import TENANT

RESOURCES = read_resources("local")
FUNDS = 10_000

BOTH_WAYS = pytest.mark.parametrize(("one", "other"), [("learned", "changed"), ("changed", "learned")])


@dataclass(slots=True)
class Release:
    """A process that is asked by lines; `keys` are those of the whole table."""

    name: str
    process: "subprocess.Popen[str]"
    keys: "count[int]"

    def do(self, what: str, **asked: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **asked}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the process of {self.name} has ended"
        return json.loads(line)

    def ask(self, who: str, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any, bool]:
        fresh = None if method == "GET" else key or f"key-{next(self.keys)}"
        status, answer, replayed = self.do("request", who=who, method=method, path=path, body=body, key=fresh)
        return status, answer, replayed

    def made(self, who: str, path: str, body: Any) -> Any:
        status, answer, _ = self.ask(who, "POST", path, body)
        assert status in {200, 201}, answer
        return answer

    def status(self, who: str, path: str, body: Any = None) -> int:
        return self.ask(who, "GET" if body is None else "POST", path, body)[0]


@dataclass(slots=True)
class Table:
    """The tables of one test, and the releases that are running on them."""

    environment: dict[str, str]
    dynamodb: Any
    stack: ExitStack
    keys: "count[int]" = field(default_factory=lambda: count(1))
    seeds: "count[int]" = field(default_factory=lambda: count(1))

    def start(self, name: str) -> Release:
        command = [sys.executable, "-m", "tests.doubles.release_process", name, str(next(self.seeds))]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(_end, process)
        return Release(name, process, self.keys)

    def schemas(self, kind: str) -> Counter[int]:
        """How many items of a kind have which number."""
        table = RESOURCES.tables["commits" if kind == "commit" else "ledger"]
        items = self.dynamodb.scan(TableName=table)["Items"]
        return Counter(int(item["sc"]["N"]) for item in items if item["pk"]["S"].startswith(f"{TENANT}#{kind}#"))


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def table() -> Iterator[Table]:
    with ExitStack() as stack:
        moto = engines.start_moto()
        stack.callback(moto.stop)
        place = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_DYNAMODB": moto.url}
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
        (row,) = [row for row in function_rows("local") if row["name"].endswith("-payments")]
        dynamodb = boto3.client(
            "dynamodb", "us-east-1", endpoint_url=moto.url, aws_access_key_id="x", aws_secret_access_key="y"
        )
        apply_tables(RESOURCES, dynamodb)
        yield Table({**row["environment"], **place, **keys, "PYTHONPATH": str(ROOT)}, dynamodb, stack)


@dataclass(frozen=True, slots=True)
class Opened:
    """Accounts of one table: each was opened by another release than the one that put money into it."""

    alice: str
    shop: str

    def paid(self, amount: int, **more: Any) -> dict[str, Any]:
        return {"amount": amount, "currency": "USD", "payer": self.alice, "payee": self.shop, **more}


def _open(one: Release, other: Release) -> Opened:
    one.do("register")
    source = one.made("operator", "/v1/accounts", {"kind": "external", "currency": "USD"})["id"]
    alice = other.made("alice", "/v1/accounts", {"kind": "wallet", "currency": "USD"})["id"]
    shop = one.made("shop", "/v1/accounts", {"kind": "merchant", "currency": "USD"})["id"]
    funding = {"source": source, "destination": alice, "amount": FUNDS, "currency": "USD"}
    one.made("operator", "/v1/transfers", funding)
    return Opened(alice, shop)


def _balances(release: Release, opened: Opened) -> list[dict[str, int]]:
    asked = (("alice", opened.alice), ("shop", opened.shop))
    return [release.ask(who, "GET", f"/v1/accounts/{account}")[1]["balance"] for who, account in asked]


@BOTH_WAYS
def test_a_payment_goes_from_release_to_release(table: Table, one: str, other: str) -> None:
    first, second = table.start(one), table.start(other)
    opened = _open(first, second)
    payment = first.made("alice", "/v1/payments", opened.paid(500, capture="manual"))
    path = f"/v1/payments/{payment['id']}"
    captured = second.made("alice", f"{path}/capture", {"amount": 200, "final": False})
    assert (captured["amount_captured"], captured["version"]) == (200, 2)
    assert first.made("alice", f"{path}/capture", {"amount": 100})["amount_captured"] == 300
    second.made("operator", "/v1/refunds", {"payment": payment["id"], "amount": 250})
    assert first.status("operator", "/v1/refunds", {"payment": payment["id"], "amount": 51}) in {402, 409, 422}
    first.made("operator", "/v1/refunds", {"payment": payment["id"], "amount": 50})
    shown = [release.ask("alice", "GET", path) for release in (first, second)]
    assert shown[0] == shown[1]
    assert (shown[0][1]["amount_captured"], shown[0][1]["amount_refunded"], shown[0][1]["version"]) == (300, 300, 5)
    assert _balances(first, opened) == _balances(second, opened)
    assert [money["posted"] for money in _balances(first, opened)] == [FUNDS, 0]


@BOTH_WAYS
def test_a_key_means_the_same_to_both(table: Table, one: str, other: str) -> None:
    first, second = table.start(one), table.start(other)
    opened = _open(first, second)
    for number, body in enumerate([opened.paid(500), opened.paid(FUNDS + 1)]):
        made = first.ask("alice", "POST", "/v1/payments", body, f"once-{number}")
        again = second.ask("alice", "POST", "/v1/payments", body, f"once-{number}")
        assert (made[:2], made[2], again[2]) == (again[:2], False, True)
        assert second.ask("alice", "POST", "/v1/payments", opened.paid(1), f"once-{number}")[0] == 422
    assert _balances(second, opened)[0]["posted"] == FUNDS - 500


@BOTH_WAYS
def test_what_both_have_written_is_verified_and_filled_in_by_either(table: Table, one: str, other: str) -> None:
    first, second = table.start(one), table.start(other)
    opened = _open(first, second)
    for release, also in ((first, second), (second, first)):
        held = release.made("alice", "/v1/payments", opened.paid(40, capture="manual", reference=f"by-{release.name}"))
        release.made("alice", "/v1/payments", opened.paid(30))
        release.made("alice", "/v1/payments", opened.paid(20, capture="manual"))
        assert release.status("alice", "/v1/payments", opened.paid(FUNDS + 1)) == 402
        also.made("alice", f"/v1/payments/{held['id']}/cancel", {})
        also.made("shop", "/v1/accounts", {"kind": "merchant", "currency": "JPY"})
    for kind in ("payment", "balance", "commit"):
        assert table.schemas(kind).keys() == {1, 2}, kind
    lines, commits = first.do("project")
    assert lines > 10 < commits
    assert first.do("verify") == []
    assert second.do("verify") == []
    assert second.do("project") == [0, 0]


def test_a_release_that_has_not_learned_a_shape_refuses_it_and_nothing_moves(table: Table) -> None:
    present, changed = table.start("present"), table.start("changed")
    opened = _open(changed, changed)
    payment = changed.made("alice", "/v1/payments", opened.paid(500, capture="manual"))
    path, before = f"/v1/payments/{payment['id']}", _balances(changed, opened)
    assert present.status("alice", path) == 500
    assert present.status("alice", f"/v1/accounts/{opened.alice}") == 500
    assert present.status("alice", f"{path}/capture", {"amount": 1}) == 500
    assert present.status("alice", "/v1/payments", opened.paid(1)) == 500
    assert present.status("operator", "/v1/refunds", {"payment": payment["id"], "amount": 1}) == 500
    assert _balances(changed, opened) == before
    changed.made("alice", f"{path}/capture", {})
    changed.do("project")
    assert changed.do("verify") == []


def test_the_present_release_and_the_one_that_has_learned_are_one(table: Table) -> None:
    present, learned = table.start("present"), table.start("learned")
    opened = _open(present, learned)
    payment = learned.made("alice", "/v1/payments", opened.paid(500, capture="manual"))
    assert present.made("alice", f"/v1/payments/{payment['id']}/capture", {})["amount_captured"] == 500
    learned.made("operator", "/v1/refunds", {"payment": payment["id"], "amount": 500})
    present.do("project")
    assert present.do("verify") == learned.do("verify") == []
