"""Aliases: names that stand for versions, with a share for a second one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.functions.roster import Roster, Row, bad, check_revision, conflict, missing, paged, revision
from emulator.control.operation import Members, Operation
from emulator.lambdas.config import LATEST

_NAME: Final = re.compile(r"(?!^[0-9]+$)[A-Za-z0-9_-]{1,128}")
_VERSION: Final = re.compile(r"\$LATEST|[0-9]+")


@dataclass(frozen=True, slots=True)
class Aliases:
    """The operations on aliases."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateAlias": self._create,
            "GetAlias": self._get,
            "ListAliases": self._list,
            "UpdateAlias": self._update,
            "DeleteAlias": self._delete,
        }

    async def _create(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        async with self.roster.changing(name) as record:
            if not _NAME.fullmatch(asked["Name"]):
                raise bad(f"An alias is named by letters, digits, - and _, and is no number: {asked['Name']}")
            if asked["Name"] in record["aliases"]:
                raise conflict(f"Alias already exists: {self.roster.arn(name, asked['Name'])}")
            row = {"Name": asked["Name"], "AliasArn": self.roster.arn(name, asked["Name"]), "Description": ""}
            record["aliases"][asked["Name"]] = self._changed(record, row, asked)
        alias: Members = record["aliases"][asked["Name"]]
        return alias

    def _changed(self, record: Row, row: Row, asked: Members) -> Row:
        named = ("FunctionVersion", "Description", "RoutingConfig")
        changed = {**row, **{name: asked[name] for name in named if name in asked}, "RevisionId": revision()}
        weights = changed.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        if not weights:
            changed.pop("RoutingConfig", None)
        for version in (changed["FunctionVersion"], *weights):
            if not _VERSION.fullmatch(version):
                raise bad(f"An alias stands for a version, which {version} is not")
            self.roster.settings(record, version)
        _check_weights(changed["FunctionVersion"], weights)
        return changed

    async def _get(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        return self._alias(self.roster.record(name), name, asked["Name"])

    async def _list(self, asked: Members) -> Members:
        rows = self.roster.record(self.roster.plain(asked))["aliases"].values()
        version = asked.get("FunctionVersion")
        return paged("Aliases", [row for row in rows if version in (None, row["FunctionVersion"])], asked)

    async def _update(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        async with self.roster.changing(name) as record:
            row = self._alias(record, name, asked["Name"])
            check_revision(asked, row["RevisionId"])
            record["aliases"][asked["Name"]] = self._changed(record, row, asked)
        alias: Members = record["aliases"][asked["Name"]]
        return alias

    async def _delete(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        async with self.roster.changing(name) as record:
            record["aliases"].pop(asked["Name"], None)
            record["policies"].pop(asked["Name"], None)
            record["invoke"].pop(asked["Name"], None)
        return {}

    def _alias(self, record: Row, name: str, alias: str) -> Row:
        row: Row | None = record["aliases"].get(alias)
        if row is None:
            raise missing(f"Alias not found: {self.roster.arn(name, alias)}")
        return row


def _check_weights(main: str, weights: Mapping[str, float]) -> None:
    """Source: Lambda developer guide, "Configuring Lambda alias traffic shifting", considerations."""
    if len(weights) > 1 or any(not 0.0 <= weight <= 1.0 for weight in weights.values()):
        raise bad("An alias has at most one additional version, with a weight from 0 to 1")
    if weights and LATEST in (main, *weights):
        raise bad("$LATEST is not supported for an alias pointing to more than 1 version")
    if main in weights:
        raise bad(
            f"Invalid function version {main}. Function version {main} is already included in routing configuration."
        )
