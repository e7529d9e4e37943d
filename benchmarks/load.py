"""A small HTTP(S) load generator in a process of its own: N keep-alive connections, closed loop, httptools parsing.

python -m benchmarks.load < plan.json   prints the json of Result; a plan of many requests is too long for an argument
"""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import count
from urllib.parse import urlsplit

import httptools
import uvloop

KEY_MARK = b"@key@"
"""Replaced in each request by a key that no other request has."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: whole requests (bytes as text), taken in turn by each connection, for `seconds`."""

    url: str
    ca: str
    requests: tuple[str, ...]
    connections: int
    seconds: float
    key_prefix: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came back: requests per second, latencies in milliseconds, answers by status, own CPU seconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    cpu_seconds: float


def run(plan: Plan, timeout_seconds: float = 120.0) -> Result:
    """Run a plan in a fresh process and return its result."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)).encode(),
        capture_output=True,
        timeout=plan.seconds + timeout_seconds,
        check=True,
    )
    return Result(**json.loads(done.stdout))


def http_request(method: str, path: str, headers: dict[str, str], body: str = "") -> str:
    """Render one request; `@key@` in it becomes a fresh key of the same length."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends the next."""

    def __init__(self, load: "_Load", first: int) -> None:
        self.load = load
        self.turn = first
        self.parser = httptools.HttpResponseParser(self)
        self.began_seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.load.over:
            self.load.statuses["lost"] += 1
        self.load.lost()

    def on_message_complete(self) -> None:
        now_seconds = time.perf_counter()
        self.load.latencies.append(now_seconds - self.began_seconds)
        self.load.statuses[str(self.parser.get_status_code())] += 1
        if now_seconds >= self.load.until_seconds:
            self.load.over = True
            self.transport.close()
            return
        self.parser = httptools.HttpResponseParser(self)
        self._send()

    def _send(self) -> None:
        self.turn += 1
        template = self.load.requests[self.turn % len(self.load.requests)]
        self.began_seconds = time.perf_counter()
        self.transport.write(template.replace(KEY_MARK, self.load.next_key()))  # type: ignore[attr-defined]


class _Load:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = [text.encode() for text in plan.requests]
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.until_seconds = 0.0
        self.over = False
        self._numbers = count()
        self._open = plan.connections
        self._done = asyncio.Event()

    def next_key(self) -> bytes:
        return f"{self.plan.key_prefix}-{next(self._numbers):012d}".encode()

    def lost(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._done.set()

    async def run(self) -> Result:
        address = urlsplit(self.plan.url)
        tls = address.scheme == "https"
        context = ssl.create_default_context(cafile=self.plan.ca) if tls else None
        loop = asyncio.get_running_loop()
        began_seconds, began_cpu = time.perf_counter(), time.process_time()
        self.until_seconds = began_seconds + self.plan.seconds
        await asyncio.gather(
            *(
                loop.create_connection(
                    lambda number=number: _Connection(self, number),
                    "127.0.0.1",
                    address.port or 443,
                    ssl=context,
                    server_hostname="localhost" if tls else None,
                )
                for number in range(self.plan.connections)
            )
        )
        await asyncio.wait_for(self._done.wait(), self.plan.seconds + 60)
        elapsed_seconds = time.perf_counter() - began_seconds
        ordered = sorted(self.latencies)
        return Result(
            rate=len(ordered) / elapsed_seconds,
            p50_ms=ordered[len(ordered) // 2] * 1_000,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1_000,
            statuses=dict(self.statuses),
            cpu_seconds=time.process_time() - began_cpu,
        )


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_Load(Plan(**json.load(sys.stdin))).run()))))
