"""What was deployed, in a folder: one file of JSON for each kind of thing, each replaced whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Kept:
    """The folder. What `write` has returned from is there after a crash."""

    folder: Path

    def __post_init__(self) -> None:
        """Make the folder; only its owner may look: API keys are in it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self, kind: str) -> dict[str, Any]:
        """Return the rows of a kind; none where nothing was written."""
        file = self._file(kind)
        rows: dict[str, Any] = orjson.loads(file.read_bytes()) if file.exists() else {}
        return rows

    def write(self, kind: str, rows: dict[str, Any]) -> None:
        """Put rows in the place of those that were there."""
        put(self._file(kind), orjson.dumps(rows, option=orjson.OPT_INDENT_2))

    def remove(self, kind: str) -> None:
        """Forget a kind."""
        self._file(kind).unlink(missing_ok=True)

    def _file(self, kind: str) -> Path:
        return self.folder / f"{kind}.json"


def put(file: Path, text: bytes) -> None:
    """Replace a file whole, for its owner's eyes only: whenever it ends, the old or the new one is there."""
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is on disk with the folder, not with the file
    finally:
        os.close(folder)
