"""What functions print: each line once, with the function and the request it belongs to."""

from __future__ import annotations

import asyncio
import sys
from typing import Protocol

LONGEST_LINE_BYTES = 256 * 1024
"""CloudWatch's limit for one event; a longer line is cut there."""


class Speaker(Protocol):
    """Who prints."""

    @property
    def request_id(self) -> str:
        """The event being worked on."""
        ...


async def forward(stream: asyncio.StreamReader | None, speaker: Speaker) -> None:
    """Copy a worker's output to our error stream until it ends; a worker is never blocked by it."""
    assert stream is not None
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
