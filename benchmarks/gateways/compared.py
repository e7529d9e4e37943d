"""All gateways under the same load, in turns; medians over the rounds, and our ratios to each against its target."""

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import psutil

from benchmarks.gateway_echo import echo_request
from benchmarks.gateways.installed import NotHad
from benchmarks.gateways.sides import KINDS, Kind
from benchmarks.gateways.token import Issuer
from benchmarks.load import Plan, Result, run
from benchmarks.report import row
from infra.local.children import Children

CONNECTIONS: Final = 16
READY_SECONDS: Final = 60.0
WARM_SECONDS: Final = 1.0

TARGETS: Final = (
    ("ours, fast", "serverless-offline", 10.0),
    ("ours, fast", "chalice local", 25.0),
    ("ours, fast", "Envoy", 0.6),
    ("ours, awslambdaric", "serverless-offline", 3.0),
)
"""Ours, the peer, and how many times the peer's rate ours should be."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One load on one gateway: requests per second, milliseconds, CPU microseconds and failures."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


@dataclass(slots=True)
class Side:
    """A running gateway and the turns it has had."""

    kind: Kind
    port: int
    children: Children
    turns: list[Turn] = field(default_factory=list)

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(turn, name) for turn in self.turns))

    def processes(self) -> list[psutil.Process]:
        roots = [psutil.Process(process.pid) for _, process in self.children.running]
        return [one for root in roots for one in (root, *root.children(recursive=True))]

    def cpu_seconds(self) -> float:
        """Processor time of all its processes, user and system."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(one.user + one.system for one in times)

    def resident_mb(self) -> float:
        return sum(process.memory_info().rss for process in self.processes()) / 1_048_576


def report(folder: Path, issuer: Issuer, seconds: float, rounds: int) -> None:
    """Start every gateway that can be had, load them in turns, and print what came."""
    request = echo_request(issuer.token())
    with running(folder, issuer, request, KINDS) as sides:
        for side in sides:
            _load(side, request, WARM_SECONDS)
        for _ in range(rounds):
            for side in sides:
                side.turns.append(turn(side, request, seconds))
        row("gateway", "requests/s", "p50 ms", "p99 ms", "CPU us", "RSS MB", "not 200")
        for side in sides:
            _print(side)
    _ratios({side.kind.name: side.median("rate") for side in sides})


@contextmanager
def running(folder: Path, issuer: Issuer, request: str, kinds: Iterable[Kind]) -> Iterator[list[Side]]:
    """Run every gateway that can be had, each in a folder of its own, ready for the request."""
    sides: list[Side] = []
    try:
        for kind in kinds:
            children = Children()
            place = folder / kind.name.replace(" ", "-").replace(",", "")
            place.mkdir(parents=True)
            try:
                sides.append(Side(kind, kind.start(place, issuer, children), children))
                until_ready(children, sides[-1].port, request)
            except NotHad as reason:
                row(f"{kind.name} is left out: {reason}")
            else:
                row(f"{kind.name}: {kind.does}")
        yield sides
    finally:
        for side in sides:
            side.children.stop()


def until_ready(children: Children, port: int, request: str) -> None:
    """Send the very request until it is answered with 200."""
    head, _, body = request.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        children.check()
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError, HTTPException):
            connection.request("POST", "/echo", body, headers)
            if connection.getresponse().status == 200:
                connection.close()
                return
        connection.close()
        time.sleep(0.1)
    raise TimeoutError(f"{children.running[-1][0]} was not ready")


def _load(side: Side, request: str, seconds: float) -> Result:
    return run(Plan(f"http://127.0.0.1:{side.port}", "", (request,), CONNECTIONS, seconds, side.kind.name[:4]))


def turn(side: Side, request: str, seconds: float) -> Turn:
    """Load a gateway for so long."""
    before = side.cpu_seconds()
    result = _load(side, request, seconds)
    total = sum(result.statuses.values())
    failed = total - result.statuses.get("200", 0)
    cpu_us = (side.cpu_seconds() - before) / total * 1e6
    return Turn(result.rate, result.p50_ms, result.p99_ms, cpu_us, failed)


def _print(side: Side) -> None:
    figures = (side.median("rate"), side.median("cpu_us"), side.resident_mb())
    rate, cpu_us, resident = (f"{figure:.0f}" for figure in figures)
    latencies = (f"{side.median(name):.2f}" for name in ("p50_ms", "p99_ms"))
    row(side.kind.name, rate, *latencies, cpu_us, resident, str(sum(turn.failed for turn in side.turns)))


def _ratios(rates: dict[str, float]) -> None:
    for ours, peer, target in TARGETS:
        if peer in rates:
            ratio = rates[ours] / rates[peer]
            row(f"  {ours} : {peer}", f"{ratio:.2f}", f"target {target:g}", "met" if ratio >= target else "MISSED")
