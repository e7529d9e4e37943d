"""Step 4: knows the client by the API key of its header or authorizer, from a file that is read when it changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.definition import KeySource, Plan
from emulator.gateway.context import ApiKey, Exchange
from emulator.gateway.errors import Refusal

# How stale a known key may be; an unknown one always makes us look at the file.
LOOK_AGAIN_MS = 100


@dataclass(slots=True)
class ApiKeys:
    """Values to keys. A key that is disabled or whose plan is unknown is no key."""

    file: Path | None
    plans: Mapping[str, Plan]
    clock: Clock
    source: KeySource = "HEADER"
    keys: dict[str, ApiKey] = field(default_factory=dict)
    seen: tuple[int, int, int] = (0, 0, 0)
    looked_at: int = -LOOK_AGAIN_MS

    def __call__(self, exchange: Exchange) -> None:
        """Refuses with INVALID_API_KEY (403) where the method asks for a key."""
        if not exchange.method.api_key_required:
            return
        key = self.find(self._given(exchange))
        if key is None:
            raise Refusal("INVALID_API_KEY")
        exchange.key = key

    def _given(self, exchange: Exchange) -> str:
        """A key is taken from one place only: with AUTHORIZER the header says nothing."""
        if self.source == "HEADER":
            return exchange.headers.lower.get("x-api-key", "")
        return exchange.permit.usage_key if exchange.permit else ""

    def find(self, value: str) -> ApiKey | None:
        now = self.clock.steady()
        if now - self.looked_at >= LOOK_AGAIN_MS or value not in self.keys:
            self.looked_at = now
            self._look()
        return self.keys.get(value)

    def _look(self) -> None:
        try:
            if self.file is None:
                return
            state = self.file.stat()
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if seen != self.seen:
                self.keys = self._read(self.file.read_bytes())
                self.seen = seen
        except FileNotFoundError:
            self.keys, self.seen = {}, (0, 0, 0)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            # Half-written, most likely: the keys we know stay good until the file is whole.
            print(f"{self.file}: not read: {error!r}", file=sys.stderr)  # noqa: T201

    def _read(self, text: bytes) -> dict[str, ApiKey]:
        rows = orjson.loads(text)["keys"]
        return {
            row["value"]: ApiKey(row["id"], row["value"], row["plan"])
            for row in rows
            if row.get("enabled", True) and row["value"] and row["plan"] in self.plans
        }
