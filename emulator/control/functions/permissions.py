"""Who may invoke what: the resource policies of functions, one for each qualifier."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from emulator.control.functions.roster import Roster, Row, bad, check_revision, conflict, missing, only, revised
from emulator.control.operation import Members, Operation
from emulator.lambdas.config import LATEST

INVOKE: Final = ("lambda:InvokeFunction", "lambda:*", "*")
_ACTION: Final = re.compile(r"lambda:[A-Za-z]+|lambda:\*|\*")
_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SERVED: Final = (
    *("FunctionName", "Qualifier", "StatementId", "Action", "Principal", "SourceArn", "SourceAccount", "RevisionId"),
)
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Permissions:
    """The operations on resource policies."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {"AddPermission": self._add, "GetPolicy": self._get, "RemovePermission": self._remove}

    async def _add(self, asked: Members) -> Members:
        name, qualifier = self._named(asked)
        only(asked, *_SERVED)
        statement = self._statement(name, qualifier, asked)
        async with self.roster.changing(name) as record:
            self.roster.settings(record, qualifier)
            statements = record["policies"].setdefault(qualifier, [])
            check_revision(asked, _revision(statements))
            if any(one["Sid"] == statement["Sid"] for one in statements):
                text = "Please provide a new statement id, or remove the existing statement."
                raise conflict(f"The statement id ({statement['Sid']}) provided already exists. {text}")
            statements.append(statement)
        return {"Statement": json.dumps(statement)}

    def _named(self, asked: Members) -> tuple[str, str]:
        name, qualifier = self.roster.named(asked)
        if qualifier == LATEST:
            raise bad("We currently do not support adding policies for $LATEST.")
        return name, qualifier

    def _statement(self, name: str, qualifier: str, asked: Members) -> Row:
        if not _ACTION.fullmatch(asked["Action"]) or not _SID.fullmatch(asked["StatementId"]):
            raise bad("A statement has a StatementId of letters, digits, - and _, and an Action of Lambda's")
        conditions: Row = {}
        if "SourceArn" in asked:
            conditions["ArnLike"] = {"AWS:SourceArn": asked["SourceArn"]}
        if "SourceAccount" in asked:
            conditions["StringEquals"] = {"AWS:SourceAccount": asked["SourceAccount"]}
        return {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": _principal(asked["Principal"]),
            "Action": asked["Action"],
            "Resource": self.roster.arn(name, qualifier),
            **({"Condition": conditions} if conditions else {}),
        }

    async def _get(self, asked: Members) -> Members:
        name, qualifier = self._named(asked)
        statements = self.roster.record(name)["policies"].get(qualifier)
        if not statements:
            raise missing("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        return {"Policy": json.dumps(policy), "RevisionId": _revision(statements)}

    async def _remove(self, asked: Members) -> Members:
        name, qualifier = self._named(asked)
        async with self.roster.changing(name) as record:
            statements = record["policies"].get(qualifier, [])
            left = [one for one in statements if one["Sid"] != asked["StatementId"]]
            if len(left) == len(statements):
                raise missing(f"Statement {asked['StatementId']} is not found in resource policy.")
            check_revision(asked, _revision(statements))
            record["policies"][qualifier] = left
        return {}

    def may_invoke(self, function: str, service: str, source_arn: str) -> bool:
        """Tell whether a service may invoke `name` or `name:qualifier` for a source."""
        name, _, qualifier = function.removesuffix(f":{LATEST}").partition(":")
        record = self.roster.records.get(name)
        if record is None:
            return True  # that there is no such function is said by who would run it
        return any(_allows(one, service, source_arn) for one in record["policies"].get(qualifier, ()))


def _principal(named: str) -> str | Row:
    if named.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return {"Service": named}
    if named == "*":
        return named
    return {"AWS": f"arn:aws:iam::{named}:root" if _ACCOUNT.fullmatch(named) else named}


def _revision(statements: list[Row]) -> str:
    """A policy's revision, which is the same as long as the policy is."""
    return revised(hashlib.sha256(json.dumps(statements).encode()).hexdigest())


def _allows(statement: Row, service: str, source_arn: str) -> bool:
    principal = statement["Principal"]
    if not isinstance(principal, dict) or principal.get("Service") != service or statement["Action"] not in INVOKE:
        return False
    conditions = statement.get("Condition", {})
    account = conditions.get("StringEquals", {}).get("AWS:SourceAccount")
    pattern = conditions.get("ArnLike", {}).get("AWS:SourceArn")
    given = source_arn.split(":", 5)
    return account in (None, given[4]) and (pattern is None or _like(pattern).fullmatch(source_arn) is not None)


@lru_cache(maxsize=1_000)
def _like(pattern: str) -> re.Pattern[str]:
    """`*` and `?` within each of an ARN's six parts. Source: IAM user guide, ARN condition operators."""
    *head, tail = pattern.split(":", 5)
    wild = [(part, "[^:]") for part in head] + [(tail, ".")]
    texts = (re.escape(part).replace(r"\*", f"{any_}*").replace(r"\?", any_) for part, any_ in wild)
    return re.compile(":".join(texts), re.DOTALL)
