"""Tags of functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.control.functions.roster import Roster
from emulator.control.operation import Members, Operation


@dataclass(frozen=True, slots=True)
class Tags:
    """The operations on tags."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {"TagResource": self._tag, "UntagResource": self._untag, "ListTags": self._list}

    def _name(self, asked: Members) -> str:
        return self.roster.plain({"FunctionName": asked["Resource"]})

    async def _tag(self, asked: Members) -> Members:
        async with self.roster.changing(self._name(asked)) as record:
            record["tags"] = record["tags"] | asked["Tags"]
        return {}

    async def _untag(self, asked: Members) -> Members:
        async with self.roster.changing(self._name(asked)) as record:
            record["tags"] = {key: value for key, value in record["tags"].items() if key not in asked["TagKeys"]}
        return {}

    async def _list(self, asked: Members) -> Members:
        return {"Tags": self.roster.record(self._name(asked))["tags"]}
