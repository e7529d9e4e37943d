"""The gateway that answers now, and its successor when a definition is edited: no request notices the change.

A request that has begun is finished by the gateway it began with. A definition that cannot be served is said with its
line, and the one before goes on. Quota counts are carried over; throttles start anew with full buckets (open: AWS does
not say what a deployment does to them).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from emulator.definition import Deployment
from emulator.gateway.chain import Gateway, Surroundings
from emulator.gateway.context import Reply, Request
from emulator.gateway.errors import Refusal
from emulator.yaml_source import DefinitionError

DEBOUNCE_MS = 100
"""Edits that come together are one."""


class Served:
    """Hands every request to the gateway of the newest definition that could be read."""

    def __init__(self, gateway: Gateway, around: Surroundings, load: Callable[[], Deployment]) -> None:
        """Take the first gateway, and how to read the definitions again."""
        self.gateway = gateway
        self._around = around
        self._load = load
        self._retired: list[Gateway] = []

    async def handle(self, request: Request) -> Reply:
        """Answer a request; never raises."""
        return await self.gateway.handle(request)

    def refuse(self, request: Request, refusal: Refusal) -> Reply:
        """Answer what the HTTP layer could not even read as a request."""
        return self.gateway.refuse(request, refusal)

    def save(self) -> None:
        """Write the counts of quotas behind."""
        self.gateway.quotas.save()

    async def follow(self, files: Sequence[Path]) -> None:
        """Serve every edit of these files, until cancelled."""
        wanted = {str(file.resolve()) for file in files}
        folders = {file.resolve().parent for file in files}

        def ours(_: Change, path: str) -> bool:
            return str(Path(path).resolve()) in wanted

        # Folders, since editors put a new file in the place of the old one.
        async for _ in awatch(*folders, watch_filter=ours, debounce=DEBOUNCE_MS, recursive=False):
            await self._reload()

    async def _reload(self) -> None:
        try:
            deployment = await asyncio.to_thread(self._load)
        except DefinitionError as error:
            _say(f"{error}\nemulator: the definition before goes on")
            return
        successor = Gateway(deployment, self._around)
        successor.quotas.usage, successor.quotas.changed = self.gateway.quotas.usage, True
        self._retired.append(self.gateway)
        self.gateway = successor
        _say(f"the new definition is served: {len(deployment.api.methods)} methods")

    async def close(self) -> None:
        """Let go of what outlived its request, and write what is still in memory."""
        for gateway in (*self._retired, self.gateway):
            await gateway.close()


def _say(text: str) -> None:
    print(f"emulator: {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is what the terminal is for
