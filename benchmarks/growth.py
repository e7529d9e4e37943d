"""Does a payment cost more when many are stored? A stack that is filled, beside one that stays empty, in turns.

And one hot merchant beside many: on the engines that run here nothing conflicts (heat.py says what would on AWS).
"""

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.engine import ledger_tables
from benchmarks.fill import TOGETHER, Fill
from benchmarks.load import Plan, Result, run
from benchmarks.report import row
from benchmarks.side import Side, StackKind, check_books, payment_request, read_request, running_side
from chalicelib.store.dynamo import LeanDynamo
from chalicelib.store.wire import AwsJson
from infra.local.api_client import Answer, Api
from infra.local.seed import CURRENCY, FUNDS_MINOR

LEVELS = (0, 2_000, 20_000)
"""Payments stored, for each second of a load: 10,000 and 100,000 at the usual length."""

NOBODY_FOLLOWS = StackKind(follows=False)
"""What is filled in at once would keep the projections busy for minutes, and be measured instead."""

SPREAD = 64
TURNS = 3
"""Both stacks take turns, so that a change of the machine's mood meets both; what is printed is the middle turn."""


@dataclass(frozen=True, slots=True)
class Town:
    """A stack with many payers and many merchants."""

    side: Side
    payers: tuple[str, ...]
    merchants: tuple[str, ...]

    def accounts(self) -> tuple[str, ...]:
        """Return all that were opened here."""
        return (*self.payers, *self.merchants)


@dataclass(frozen=True, slots=True)
class Kind:
    """One line: what is asked, of how many connections, and which status is the right one."""

    name: str
    connections: int
    requests: str
    status: str


PAYMENTS = (
    Kind("payment, 1 connection", 1, "pay", "201"),
    Kind("payment, 16 connections", 16, "pay", "201"),
)
READS = (
    Kind("read one, 1 connection", 1, "read", "200"),
    Kind("list the newest ten, 1 connection", 1, "list", "200"),
)
"""At the last level only: what is stored is seen there, and the stack beside it is empty still."""


def report(root: Path, seconds: float) -> None:
    """Print a line per number of payments stored and kind of request, then the hot merchant."""
    with ExitStack() as stacks:
        empty, filled = (
            _open_town(stacks.enter_context(running_side(root / name, name, NOBODY_FOLLOWS)))
            for name in ("empty", "filled")
        )
        fill = Fill(_store(filled.side), filled.payers[:TOGETHER], filled.merchants[:TOGETHER])
        for town in (empty, filled):
            _load(town, _payments(town, town.merchants), 16, seconds)  # a new stack gets faster for some seconds
        row("stored, request", "p50 ms", "empty p50", "p50 : empty", "p99 ms", "per second", "wrong")
        for level in LEVELS:
            fill.up_to(int(level * seconds))
            for kind in PAYMENTS + READS * (level == LEVELS[-1]):
                _compare(empty, filled, kind, fill.stored, seconds / TURNS / 2)
        _check_a_replay(filled, fill)
        _hot_and_spread(empty, seconds / TURNS / 2)
        for town in (empty, filled):
            check_books(town.side, town.accounts())


def _compare(empty: Town, filled: Town, kind: Kind, stored: int, seconds: float) -> None:
    results = [
        [_load(town, _requests(town, kind.requests), kind.connections, seconds) for town in (empty, filled)]
        for _ in range(TURNS)
    ]
    before, after = (statistics.median(pair[side].p50_ms for pair in results) for side in (0, 1))
    mine = [pair[1] for pair in results]
    row(
        f"{stored:,}, {kind.name}",
        f"{after:.2f}",
        f"{before:.2f}",
        f"{after / before:.2f}",
        f"{statistics.median(result.p99_ms for result in mine):.1f}",
        f"{statistics.median(result.rate for result in mine):.0f}",
        str(sum(_wrong(result, kind.status) for pair in results for result in pair)),
    )


def _hot_and_spread(town: Town, seconds: float) -> None:
    row("payees, 16 connections", "payments/s", "p50 ms", "p99 ms", "wrong")
    rates: dict[str, list[Result]] = {"one merchant": [], f"{SPREAD} merchants": []}
    for _ in range(TURNS):
        for name, merchants in zip(rates, (town.merchants[:1] * SPREAD, town.merchants), strict=True):
            rates[name].append(_load(town, _payments(town, merchants), 16, seconds))
    for name, results in rates.items():
        row(
            name,
            f"{statistics.median(result.rate for result in results):.0f}",
            f"{statistics.median(result.p50_ms for result in results):.1f}",
            f"{statistics.median(result.p99_ms for result in results):.1f}",
            str(sum(_wrong(result, "201") for result in results)),
        )
    hot, spread = (statistics.median(result.rate for result in results) for results in rates.values())
    row("  ratio one merchant : many", f"{hot / spread:.2f}")


def _load(town: Town, requests: tuple[str, ...], connections: int, seconds: float) -> Result:
    sandbox = town.side.sandbox
    return run(Plan(sandbox.base_url, sandbox.ca, requests, connections, seconds, uuid4().hex[:8]))


def _wrong(result: Result, status: str) -> int:
    return sum(count for other, count in result.statuses.items() if other != status)


def _requests(town: Town, what: str) -> tuple[str, ...]:
    if what == "pay":
        return _payments(town, town.merchants)
    sandbox = town.side.sandbox
    api = sandbox.api().login()
    newest = api.get("/v1/payments?limit=1").json["data"]
    api.close()
    path = f"/v1/payments/{newest[0]['id']}" if what == "read" else "/v1/payments?limit=10"
    return (read_request(sandbox, api.token, path),)


def _payments(town: Town, merchants: tuple[str, ...]) -> tuple[str, ...]:
    sandbox = town.side.sandbox
    token = sandbox.api().login().token
    return tuple(
        payment_request(sandbox, token, payer, merchant) for payer, merchant in zip(town.payers, merchants, strict=True)
    )


def _store(side: Side) -> LeanDynamo:
    """Return the ledger past the stack; the environment is that of the stack which was started last."""
    return LeanDynamo(ledger_tables(), wire=AwsJson("dynamodb", "DynamoDB_20120810", endpoint=side.engine_url))


def _check_a_replay(town: Town, fill: Fill) -> None:
    """What was filled in is known over HTTPS: the same key and request get the same answer again."""
    if not fill.stored:
        return
    key, body = fill.request(fill.stored - 1)
    api = town.side.sandbox.api().login()
    answer = api.post("/v1/payments", body, key=key)
    api.close()
    assert answer.headers.get("idempotent-replayed") == "true", answer.body


def _open_town(side: Side) -> Town:
    api = side.sandbox.api().login()
    payers = tuple(_funded(api, side) for _ in range(SPREAD))
    merchants = tuple(_account(api, "merchant") for _ in range(SPREAD))
    api.close()
    return Town(side, payers, merchants)


def _funded(api: Api, side: Side) -> str:
    wallet = _account(api, "wallet")
    source = side.sandbox.accounts["external"]
    transfer = {"source": source, "destination": wallet, "amount": FUNDS_MINOR, "currency": CURRENCY}
    _made(api.post("/v1/transfers", transfer))
    return wallet


def _account(api: Api, kind: str) -> str:
    return str(_made(api.post("/v1/accounts", {"currency": CURRENCY, "kind": kind})).json["id"])


def _made(answer: Answer) -> Answer:
    assert answer.status == 201, answer.body
    return answer
