"""`make soak`: whether the emulator keeps anything of 100,000 requests: workers, open files, threads, memory.

Most requests are good; in between there are refusals, functions that crash, and clients that leave in the middle.
REQUESTS sets their number. Exits with 1 if something was kept.
"""

import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.gateway_echo import echo_command, echo_request
from benchmarks.gateways.compared import until_ready
from benchmarks.gateways.token import Issuer, issuing
from benchmarks.load import Plan, run
from benchmarks.report import machine, row, section
from infra.local.children import Children
from infra.local.engines import free_port
from infra.local.finding import Finding
from infra.local.run import guarded

REQUESTS: Final = int(os.environ.get("REQUESTS", "100000"))
CONNECTIONS: Final = 16
TURN_SECONDS: Final = 2.0
SETTLE_SECONDS: Final = 30.0
LEAVERS: Final = 50
"""Clients that leave, after each turn."""

MEMORY_MB: Final = 16.0
"""What the gateway may have grown by: its memory of tokens, paths and names is bounded, not empty."""

# To so many good requests there is one that crashes its function, one without a token, and one without a key.
GOOD_TO_BAD: Final = 97


@dataclass(frozen=True, slots=True)
class Kept:
    """What the emulator holds: open files and threads of its process, workers, and its memory in MB."""

    files: int
    threads: int
    workers: int
    resident_mb: float

    def exceeds(self, before: "Kept") -> bool:
        """Tell whether there is more than before."""
        more = (self.files > before.files, self.threads > before.threads, self.workers > before.workers)
        return any(more) or self.resident_mb > before.resident_mb + MEMORY_MB


class SomethingKept(Finding):
    """The emulator holds more than before."""


def main() -> None:
    """Run it and print what is kept before and after."""
    section("Machine")
    machine()
    section(f"{REQUESTS} requests, {CONNECTIONS} connections")
    with tempfile.TemporaryDirectory(prefix="tollgate-soak-") as folder, issuing(Path(folder)) as issuer:
        before, after, statuses = soak(Path(folder), issuer, REQUESTS, TURN_SECONDS)
    for status, count in sorted(statuses.items()):
        row(f"answers {status}", str(count))
    row("", "files", "threads", "workers", "RSS MB")
    for name, kept in (("before", before), ("after", after)):
        row(name, str(kept.files), str(kept.threads), str(kept.workers), f"{kept.resident_mb:.0f}")
    if after.exceeds(before):
        raise SomethingKept("the emulator holds more than before")


def soak(folder: Path, issuer: Issuer, requests: int, seconds: float) -> tuple[Kept, Kept, Counter[str]]:
    """Load an emulator of its own with so many requests; return what it held before, what after, and the answers."""
    port, children, statuses = free_port(), Children(), Counter[str]()
    variables = {"issuer": issuer.url, "algorithm": "RS256"}
    try:
        command = echo_command(folder, port, "fast", variables, {"--ca": issuer.ca}, "handle_or_crash")
        children.start("the emulator", command, folder / "log")
        mixed = _requests(issuer)
        until_ready(children, port, mixed[0])
        emulator = psutil.Process(children.running[0][1].pid)
        _turn(port, mixed, seconds, statuses)  # everything that is kept on purpose is there now
        _settle(emulator, port, lambda _: True)
        before = _kept(emulator)
        while sum(statuses.values()) < requests:
            _turn(port, mixed, seconds, statuses)
        _settle(emulator, port, lambda kept: not kept.exceeds(before))
        return before, _kept(emulator), statuses
    finally:
        children.stop()


def _requests(issuer: Issuer) -> tuple[str, ...]:
    good = echo_request(issuer.token())
    crash = echo_request(issuer.token(), crash=True)
    # Early in their turn, so that even a short one meets them.
    bad = (crash, echo_request("not.a.token"), echo_request(issuer.token(), "nobodys-key"))
    return (good, *bad, *[good] * (GOOD_TO_BAD - 1))


def _turn(port: int, requests: tuple[str, ...], seconds: float, statuses: Counter[str]) -> None:
    found = run(Plan(f"http://127.0.0.1:{port}", "", requests, CONNECTIONS, seconds, "soak"))
    statuses.update(found.statuses)
    for number in range(LEAVERS):
        with socket.create_connection(("127.0.0.1", port)) as leaver:
            leaver.sendall(requests[0][: 40 + number * 17].encode())


def _settle(emulator: psutil.Process, port: int, enough: Callable[[Kept], bool]) -> None:
    """Wait until no client is connected any more, and what was started has ended; not for ever."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        clients = [one for one in emulator.net_connections("tcp") if one.laddr.port == port and one.raddr]
        if not clients and enough(_kept(emulator)):
            return
        time.sleep(0.1)


def _kept(emulator: psutil.Process) -> Kept:
    workers = [child for child in emulator.children() if child.status() != psutil.STATUS_ZOMBIE]
    return Kept(emulator.num_fds(), emulator.num_threads(), len(workers), emulator.memory_info().rss / 1_048_576)


if __name__ == "__main__":
    sys.exit(guarded(main))
