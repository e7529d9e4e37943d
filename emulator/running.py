"""What serving has in common, whether a definition on disk is served or what was deployed: keys, counts, the loop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from emulator.clock import Clock
from emulator.definition import Deployment
from emulator.gateway.metrics import Metrics
from emulator.issuer import IssuerDocuments
from emulator.keyset import KeySet, https_fetch
from emulator.lambdas import TooManyRequests, UnknownFunction
from emulator.mount import Mount
from emulator.server import Answering, Application, GatewayServer, build_server

# Lambda turning an invocation down is the API's fault towards its client: 500 in both cases.
REFUSALS: Mapping[type[Exception], str] = {
    UnknownFunction: "API_CONFIGURATION_ERROR",
    TooManyRequests: "DEFAULT_5XX",
}
SAVE_SECONDS = 1.0


class KeySets(dict[str, KeySet]):
    """The keys of every issuer that was ever asked for, each read by the first who needs it."""

    def __init__(self, ca: Path | None, clock: Clock) -> None:
        super().__init__()
        self._fetch = https_fetch(ca, clock)
        self._clock = clock

    def know(self, deployment: Deployment) -> None:
        """Add the issuers that a deployment trusts."""
        for issuer in deployment.api.issuers:
            self.setdefault(issuer, KeySet(issuer, self._fetch, self._clock))


def write_log(lines: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def counted(arguments: argparse.Namespace) -> Iterator[Metrics]:
    """The counts of this process, also written to a file where one is named."""
    if arguments.metrics_log is None:
        yield Metrics()
        return
    with arguments.metrics_log.open("ab", buffering=0) as file:
        metrics = Metrics(file.write)
        yield metrics
        metrics.flush()


def gateway_server(arguments: argparse.Namespace, gateway: Answering, mount: Mount, metrics: Metrics) -> GatewayServer:
    application = Application(gateway, IssuerDocuments(arguments.issuer_dir), mount, metrics)
    server = build_server(application, port=arguments.port, cert=arguments.cert, key=arguments.key)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    return server


async def until_stopped(
    server: GatewayServer, save: Callable[[], None], keysets: Mapping[str, KeySet], metrics: Metrics
) -> None:
    """Serves; reads the issuers' keys once it can answer for them; saves quota counts and metrics every second."""
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has a flag, not an event)
        await asyncio.sleep(0.01)
    if server.started:
        scheme = "https" if server.config.is_ssl else "http"
        print(f"emulator: listening on {scheme}://127.0.0.1:{server.port}", file=sys.stderr, flush=True)  # noqa: T201
    gc.freeze()  # the definition and the modules stay: the collector need not walk them under load
    warming = [asyncio.create_task(keyset.refresh()) for keyset in keysets.values()]
    while not serving.done():
        await asyncio.wait((serving,), timeout=SAVE_SECONDS)
        save()
        metrics.flush()
    await serving
    for task in warming:
        task.cancel()
