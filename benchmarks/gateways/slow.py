"""What others notice of clients that dribble: the latency of good requests with 500 of them and without, in turns.

Source of the target: F20 of the failure modes (the 99th percentile of the others grows by a fifth at most).
"""

import socket
import statistics
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.gateway_echo import echo_request
from benchmarks.gateways.compared import Turn, running, turn
from benchmarks.gateways.sides import KINDS
from benchmarks.gateways.token import Issuer
from benchmarks.report import row

CLIENTS: Final = 500
DRIBBLE_SECONDS: Final = 0.5
P99_RATIO: Final = 1.2


def report(folder: Path, issuer: Issuer, seconds: float, rounds: int) -> None:
    """Print the latencies of both, and their ratio."""
    request = echo_request(issuer.token())
    calm: list[Turn] = []
    crowded: list[Turn] = []
    with running(folder, issuer, request, KINDS[:1]) as (side,):
        turn(side, request, seconds)
        for _ in range(rounds):
            calm.append(turn(side, request, seconds))
            with _dribbling(side.port):
                crowded.append(turn(side, request, seconds))
    row("", "requests/s", "p50 ms", "p99 ms")
    for name, turns in (("alone", calm), (f"beside {CLIENTS} slow clients", crowded)):
        rate, p50_ms, p99_ms = (_median(turns, field) for field in ("rate", "p50_ms", "p99_ms"))
        row(name, f"{rate:.0f}", f"{p50_ms:.2f}", f"{p99_ms:.2f}")
    ratio = _median(crowded, "p99_ms") / _median(calm, "p99_ms")
    row("  ratio of p99", f"{ratio:.2f}", f"target {P99_RATIO:g}", "met" if ratio <= P99_RATIO else "MISSED")


def _median(turns: list[Turn], field: str) -> float:
    return float(statistics.median(getattr(one, field) for one in turns))


@contextmanager
def _dribbling(port: int) -> Iterator[None]:
    """Keep clients busy with sending a head that never ends, a byte at a time."""
    over = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CLIENTS)]

        def dribble() -> None:
            rest = b"GET /echo HTTP/1.1\r\nX-Slow: "
            while not over.wait(DRIBBLE_SECONDS):
                byte, rest = rest[:1] or b"x", rest[1:]
                for client in clients:
                    client.sendall(byte)

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
