"""Counts failed authentications, so that one source cannot try without end."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from chalicelib.kernel.clock import Clock
from chalicelib.tokens.refusal import TokenRefusal

ALLOWED: Final = 20
WINDOW_SECONDS: Final = 60.0
_SOURCES_KEPT: Final = 10_000
_CHARACTERS_KEPT: Final = 64
"""More than a client id has: what is longer names nobody, and must not fill the memory of an open route."""


@dataclass(slots=True)
class Failures:
    """Failures by (source address, client id) in one environment; the gateway's throttle stands before it.

    Both are in the key, so that a stranger who knows a client id cannot lock its owner out.
    """

    clock: Clock
    _counts: OrderedDict[tuple[str, str], tuple[int, float]] = field(default_factory=OrderedDict, init=False)

    def require_patience(self, source: str, client_id: str) -> None:
        """Refuse (429) a source that failed too often within the last minute, before any work is done."""
        count, until_seconds = self._counts.get(_key(source, client_id), (0, 0.0))
        left_seconds = until_seconds - self.clock.elapsed_seconds()
        if count >= ALLOWED and left_seconds > 0:
            raise TokenRefusal("invalid_client", "Too many failures.", retry_after_seconds=int(left_seconds) + 1)

    def add(self, source: str, client_id: str) -> None:
        """Count one failure; the window starts with the first."""
        key, now_seconds = _key(source, client_id), self.clock.elapsed_seconds()
        count, until_seconds = self._counts.pop(key, (0, 0.0))
        if until_seconds <= now_seconds:
            count, until_seconds = 0, now_seconds + WINDOW_SECONDS
        self._counts[key] = (count + 1, until_seconds)
        if len(self._counts) > _SOURCES_KEPT:
            self._counts.popitem(last=False)


def _key(source: str, client_id: str) -> tuple[str, str]:
    return source[:_CHARACTERS_KEPT], client_id[:_CHARACTERS_KEPT]
