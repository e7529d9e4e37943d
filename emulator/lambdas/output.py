"""What functions print: each line once, with the function and the request it belongs to."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Protocol

LONGEST_LINE_BYTES = 256 * 1024
"""CloudWatch's limit for one event; a longer line is cut there."""

LAST_WORDS_SECONDS = 0.2
"""How long what a dead worker has printed is still read: a process that left its group may have the other end."""


class Speaker(Protocol):
    """Who prints."""

    @property
    def request_id(self) -> str:
        """The event being worked on."""
        ...


@asynccontextmanager
async def printing(speaker: Speaker) -> AsyncIterator[IO[bytes]]:
    """Give a pipe for a worker to print into; what arrives is copied to our error stream.

    Not asyncio's own pipe: its `wait()` lasts until everybody has closed the other end, and what a function has started
    may live longer than its worker.
    """
    stream, (mine, theirs) = asyncio.StreamReader(), os.pipe()
    with os.fdopen(theirs, "wb", buffering=0) as output:
        reading, loop = asyncio.StreamReaderProtocol(stream), asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: reading, os.fdopen(mine, "rb", buffering=0))
        copying = loop.create_task(_copy(stream, speaker))
        try:
            yield output
        finally:
            output.close()
            await asyncio.wait((copying,), timeout=LAST_WORDS_SECONDS)
            copying.cancel()
            transport.close()


async def _copy(stream: asyncio.StreamReader, speaker: Speaker) -> None:
    rest = b""
    while chunk := await stream.read(64 * 1024):
        *lines, rest = (rest + chunk).split(b"\n")
        _write(lines, speaker)
        if len(rest) > LONGEST_LINE_BYTES:
            _write([rest[:LONGEST_LINE_BYTES]], speaker)
            rest = b""
    _write([rest], speaker)


def _write(lines: list[bytes], speaker: Speaker) -> None:
    head = f"[{speaker.request_id}] ".encode()
    text = b"".join(head + line + b"\n" for line in lines if line)
    if text:
        sys.stderr.buffer.write(text)
        sys.stderr.buffer.flush()
