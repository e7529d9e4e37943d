"""What happened in a run: a digest of everything, and the last steps in words."""

from collections import deque
from hashlib import sha256
from typing import Final

KEPT: Final = 60


class Trace:
    """Two runs of one seed have the same digest, in every process and on every machine."""

    def __init__(self) -> None:
        self._digest = sha256()
        self._last: deque[str] = deque(maxlen=KEPT)

    def note(self, at_us: int, *words: object) -> None:
        line = f"{at_us / 1_000_000:10.6f} " + " ".join(map(str, words))
        self._digest.update(line.encode())
        self._last.append(line)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    @property
    def last(self) -> list[str]:
        return list(self._last)
