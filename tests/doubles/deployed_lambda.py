"""The whole of what is deployed to this machine, over HTTP: boto3 before the planes, functions in processes of their own."""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulator.clock import Clock
from emulator.control.apis.live import Live
from emulator.control.apis.plane import ApiGateway
from emulator.control.here import Here
from emulator.control.kept import Kept
from emulator.control.server import ControlApi
from emulator.gateway.chain import Surroundings
from emulator.gateway.context import Reply, Request
from emulator.keyset import KeySet
from emulator.lambdas.invoke_api import InvokeServer, bound
from emulator.running import REFUSALS
from tests.doubles.control_planes import Checked, client
from tests.doubles.gateway import ACCOUNT, Issuer
from tests.doubles.lambda_planes import ROLE, zipped

PATIENCE_SECONDS = 60
PLACE = ("us-east-1", ACCOUNT)


class Deployed:
    """The planes in a folder while they run. `aws` is Lambda's client, `events` EventBridge's, `gateway` API Gateway's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listener = bound()
        self.loop = asyncio.new_event_loop()
        port = int(self.listener.getsockname()[1])
        kept = Kept(folder / "deployed")
        self.here = Here.of(argparse.Namespace(state_dir=folder, worker="fast"), PLACE, kept, port)
        around = Surroundings(self.here.functions, REFUSALS, dict[str, KeySet](), lambda _: None)
        around = replace(around, permits=self.here.permits)
        self.live = Live(around, kept.folder, *PLACE, lambda _: None)
        self.apis = ApiGateway(kept, self.live, Issuer(), Clock())
        endpoint = f"http://127.0.0.1:{port}"
        self.aws, self.events, self.gateway = (client(name, endpoint) for name in ("lambda", "events", "apigateway"))

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        planes = [Checked(plane) for plane in (*self.here.planes, self.apis)]
        api = ControlApi(planes, self.here.invoke)
        server = InvokeServer(api, self.listener)
        serving = asyncio.create_task(server.run_until_stopped())
        try:
            await self.here.start()
            self.apis.releases.restore()
            api.restored.set()
            yield
        finally:
            await self.live.close()
            await self.here.stop()
            server.should_exit = server.force_exit = True
            await serving

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the planes' own loop makes of it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)

    # --- what tests do -----------------------------------------------------------------------------------------------

    def function(self, name: str, source: str, **more: Any) -> None:
        """A new function, whose `handle` is in this source."""
        made = {"FunctionName": name, "Runtime": "python3.11", "Role": ROLE, "Handler": "entry.handle", "Timeout": 20}
        self.aws.create_function(**made, Code={"ZipFile": zipped({"entry.py": source})}, **more)

    def code(self, name: str, source: str) -> None:
        self.aws.update_function_code(FunctionName=name, ZipFile=zipped({"entry.py": source}))

    def invoke(self, name: str, event: Any = None, **more: Any) -> Any:
        """What a function answers."""
        answer = self.aws.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        assert "FunctionError" not in answer, answer["Payload"].read()
        text = answer["Payload"].read()
        return json.loads(text) if text else None

    def version(self, name: str) -> str:
        """Which version a name leads to."""
        found: str = self.aws.invoke(FunctionName=name, Payload=b"null")["ExecutedVersion"]
        return found

    def ask(self, path: str, verb: str = "GET", headers: Mapping[str, str] | None = None) -> Reply:
        """A request to what API Gateway serves."""
        given = {"Host": "localhost", **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        reply: Reply = self.wait(self.live.handle(Request(verb, path, b"", raw, b"", "127.0.0.1")))
        return reply


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """Serve what is deployed in a folder until the end of the block; every process is gone then."""
    one = Deployed(folder)
    started, ended = threading.Event(), asyncio.Event()

    async def live() -> None:
        async with one.served():
            started.set()
            await ended.wait()

    def run() -> None:
        try:
            one.loop.run_until_complete(live())
        finally:
            started.set()
            one.loop.run_until_complete(one.loop.shutdown_default_executor())
            one.loop.close()
            one.listener.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(PATIENCE_SECONDS)
    try:
        yield one
    finally:
        one.loop.call_soon_threadsafe(ended.set)
        thread.join()
        for each in (one.aws, one.events, one.gateway):
            each.close()


async def _until(enough: Callable[[], bool]) -> None:
    while not await asyncio.to_thread(enough):
        await asyncio.sleep(0.02)


def until(enough: Callable[[], bool]) -> None:
    """Wait for a fact."""
    asyncio.run(asyncio.wait_for(_until(enough), PATIENCE_SECONDS))
