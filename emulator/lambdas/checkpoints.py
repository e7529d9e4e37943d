"""How far each source has come, kept in a file so that a restart goes on where it was."""

from __future__ import annotations

from pathlib import Path

import orjson


class Checkpoints:
    """Sequence numbers by name; every change is on disk before it counts."""

    def __init__(self, file: Path) -> None:
        """Take the file; a missing one is an empty one."""
        self._file = file
        self._numbers: dict[str, str] = orjson.loads(file.read_bytes()) if file.exists() else {}

    def get(self, name: str) -> str | None:
        """Return the last number that was settled, None if there was none."""
        return self._numbers.get(name)

    def put(self, name: str, number: str) -> None:
        """Remember that everything up to this number is settled."""
        self._numbers[name] = number
        self._write()

    def forget(self, mapping: str) -> None:
        """Forget how far a mapping has come: there is none of this name any more."""
        self._numbers = {name: one for name, one in self._numbers.items() if not name.startswith(f"{mapping}|")}
        self._write()

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(self._numbers))
        fresh.replace(self._file)
