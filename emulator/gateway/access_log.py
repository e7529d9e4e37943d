"""One line per request in the stage's $context format, written a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.gateway.context import Exchange
from emulator.gateway.variables import Template, Variables

Write = Callable[[bytes], object]

FLUSH_SECONDS = 0.05
FLUSH_LINES = 200


@dataclass(slots=True)
class AccessLog:
    """Lines wait at most FLUSH_SECONDS; `close` writes what is left."""

    format: Template
    write: Write
    lines: list[str] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, text: str, variables: Variables, write: Write) -> AccessLog:
        return cls(variables.template(text, missing="-"), write)

    def __call__(self, exchange: Exchange) -> None:
        self.lines.append(self.format(exchange))
        if len(self.lines) >= FLUSH_LINES:
            self.flush()
        elif self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.lines:
            lines, self.lines = self.lines, []
            self.write(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
