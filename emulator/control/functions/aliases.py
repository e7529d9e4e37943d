"""Aliases: names that stand for versions, with a share for a second one; and who may invoke what."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.errors import ControlError
from emulator.control.functions.deployed import paged
from emulator.control.functions.roster import Roster, Row, bad, conflict, missing, revision
from emulator.control.operation import Members, Operation

_NAME: Final = re.compile(r"(?!^[0-9]+$)[A-Za-z0-9_-]{1,128}")
_ACTION: Final = "lambda:InvokeFunction"


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
        name, _ = self.roster.named(asked)
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
        for version in (changed["FunctionVersion"], *weights):
            self.roster.settings(record, version)
        if len(weights) > 1 or any(not 0.0 <= weight <= 1.0 for weight in weights.values()):
            raise bad("An alias has at most one additional version, with a weight from 0 to 1")
        return changed

    async def _get(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        return self._alias(self.roster.record(name), name, asked["Name"])

    async def _list(self, asked: Members) -> Members:
        rows = self.roster.record(self.roster.named(asked)[0])["aliases"].values()
        version = asked.get("FunctionVersion")
        return paged("Aliases", [row for row in rows if version in (None, row["FunctionVersion"])], asked)

    async def _update(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            row = self._alias(record, name, asked["Name"])
            if asked.get("RevisionId") not in (None, row["RevisionId"]):
                text = "The RevisionId provided does not match the latest RevisionId."
                raise ControlError("PreconditionFailedException", text, 412)
            record["aliases"][asked["Name"]] = self._changed(record, row, asked)
        alias: Members = record["aliases"][asked["Name"]]
        return alias

    async def _delete(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
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


@dataclass(frozen=True, slots=True)
class Permissions:
    """The operations on resource policies, one for each qualifier."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {"AddPermission": self._add, "GetPolicy": self._get, "RemovePermission": self._remove}

    async def _add(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        statement = self._statement(name, qualifier, asked)
        async with self.roster.changing(name) as record:
            self.roster.settings(record, qualifier)
            statements = record["policies"].setdefault(qualifier, [])
            if any(one["Sid"] == statement["Sid"] for one in statements):
                raise conflict(f"The statement id ({statement['Sid']}) provided already exists.")
            statements.append(statement)
        return {"Statement": json.dumps(statement)}

    def _statement(self, name: str, qualifier: str, asked: Members) -> Row:
        principal = asked["Principal"]
        conditions: Row = {}
        if "SourceArn" in asked:
            conditions["ArnLike"] = {"AWS:SourceArn": asked["SourceArn"]}
        if "SourceAccount" in asked:
            conditions["StringEquals"] = {"AWS:SourceAccount": asked["SourceAccount"]}
        return {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
            "Action": asked["Action"],
            "Resource": self.roster.arn(name, qualifier),
            **({"Condition": conditions} if conditions else {}),
        }

    async def _get(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        statements = self.roster.record(name)["policies"].get(qualifier)
        if not statements:
            raise missing("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        return {"Policy": json.dumps(policy), "RevisionId": revision()}

    async def _remove(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            statements = record["policies"].get(qualifier, [])
            left = [one for one in statements if one["Sid"] != asked["StatementId"]]
            if len(left) == len(statements):
                raise missing(f"Statement {asked['StatementId']} is not found in resource policy.")
            record["policies"][qualifier] = left
        return {}

    def may_invoke(self, function: str, service: str, source_arn: str) -> bool:
        """Tell whether a service may invoke `name` or `name:qualifier` for a source."""
        name, _, qualifier = function.partition(":")
        statements = self.roster.records.get(name, {}).get("policies", {}).get(qualifier, [])
        return any(_allows(one, service, source_arn) for one in statements)


def _allows(statement: Row, service: str, source_arn: str) -> bool:
    if statement["Principal"].get("Service") != service or statement["Action"] not in (_ACTION, "lambda:*", "*"):
        return False
    pattern = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
    parts = [re.escape(part) for part in re.split(r"([*?])", pattern)]
    like = "".join({r"\*": ".*", r"\?": "."}.get(part, part) for part in parts)
    return re.fullmatch(like, source_arn) is not None
