"""EventBridge's control plane as far as schedules go: rules with a rate, whose targets are functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.control.errors import ControlError
from emulator.control.functions.roster import Row
from emulator.control.kept import Kept
from emulator.control.operation import Members, Operation
from emulator.lambdas.event_sources import BadEventSource, ScheduleSource, rate_seconds
from emulator.lambdas.followers import Followers

KIND: Final = "rules"
BUS: Final = "default"
PAGE: Final = 100
TARGETS: Final = 5
"""Targets to a rule. Source: EventBridge quotas, "Targets per rule"."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CHOSEN: Final[tuple[str, ...]] = ("Name", "ScheduleExpression", "Description", "RoleArn", "State")
_STATES: Final = ("ENABLED", "DISABLED")
_OF_A_TARGET: Final = ("Id", "Arn", "Input")
_FUNCTION: Final = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:([A-Za-z0-9_-]+(?::[\w$-]+)?)")


@dataclass(slots=True)
class Rules:
    """The plane."""

    kept: Kept
    followers: Followers
    region: str
    account: str
    rows: dict[str, Row] = field(default_factory=dict)
    name: str = "events"

    @property
    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "PutRule": self._put,
            "DescribeRule": self._describe,
            "ListRules": self._list,
            "DeleteRule": self._delete,
            "EnableRule": self._enable,
            "DisableRule": self._disable,
            "PutTargets": self._put_targets,
            "ListTargetsByRule": self._list_targets,
            "RemoveTargets": self._remove_targets,
            "ListRuleNamesByTarget": self._by_target,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    async def restore(self) -> None:
        """Start again what was started before."""
        self.rows = self.kept.read(KIND)
        for row in self.rows.values():
            await self._follow({}, row)

    # --- rules ----------------------------------------------------------------------------------------------

    async def _put(self, asked: Members) -> Members:
        """Make a rule, or another of its name: what is not said anew is gone, but for its targets and tags."""
        self._check(asked)
        tags = {tag["Key"]: tag["Value"] for tag in asked.get("Tags", ())}
        before = self.rows.get(asked["Name"], {"targets": {}, "tags": tags})
        chosen = {name: asked[name] for name in _CHOSEN if name in asked}
        await self._settle({"State": "ENABLED", **chosen, "targets": before["targets"], "tags": before["tags"]})
        return {"RuleArn": self._arn(asked["Name"])}

    def _check(self, asked: Members) -> None:
        _check_bus(asked)
        if not _NAME.fullmatch(asked["Name"]):
            raise _invalid("A rule is named by 1 to 64 letters, digits, ., - and _")
        if asked.get("EventPattern") or not asked.get("ScheduleExpression"):
            raise _invalid("Patterns are not served here: a rule needs a ScheduleExpression")
        if asked.get("State", "ENABLED") not in _STATES:
            raise _invalid(f"State {asked['State']} is not served here: there is no CloudTrail")
        _check_rate(asked["ScheduleExpression"])

    async def _settle(self, row: Row) -> None:
        rows = {**self.rows, row["Name"]: row}
        before = self.rows.get(row["Name"], {})
        self.kept.write(KIND, rows)
        self.rows = rows
        await self._follow(before, row)

    async def _follow(self, before: Row, after: Row) -> None:
        """A task for each target; one that has not changed goes on, and with it the time of its next start."""
        old, new = dict(self._sources(before)), dict(self._sources(after))
        for key, source in old.items():
            if new.get(key) != source:
                await self.followers.drop(key)
        for key, source in new.items():
            if old.get(key) != source:
                self.followers.add(key, source)

    def _sources(self, row: Row) -> Iterator[tuple[str, ScheduleSource]]:
        if row.get("State") != "ENABLED":
            return
        seconds, arn = rate_seconds(row["ScheduleExpression"]), self._arn(row["Name"])
        for target in row["targets"].values():
            function = target["Arn"].split(":function:", 1)[1]
            yield f"rule/{row['Name']}/{target['Id']}", ScheduleSource(function, seconds, arn, target.get("Input", ""))

    async def _describe(self, asked: Members) -> Members:
        _check_bus(asked)
        return {**self._shown(self._row(asked["Name"])), "CreatedBy": self.account}

    async def _list(self, asked: Members) -> Members:
        _check_bus(asked)
        prefix = asked.get("NamePrefix", "")
        return _page("Rules", [self._shown(row) for name, row in self.rows.items() if name.startswith(prefix)], asked)

    async def _delete(self, asked: Members) -> Members:
        _check_bus(asked)
        row = self.rows.get(asked["Name"])
        if row is None:
            return {}
        if row["targets"]:
            raise _invalid("Rule can't be deleted since it has targets.")
        rows = {name: one for name, one in self.rows.items() if name != asked["Name"]}
        self.kept.write(KIND, rows)
        self.rows = rows
        return {}

    async def _enable(self, asked: Members) -> Members:
        _check_bus(asked)
        await self._settle({**self._row(asked["Name"]), "State": "ENABLED"})
        return {}

    async def _disable(self, asked: Members) -> Members:
        _check_bus(asked)
        await self._settle({**self._row(asked["Name"]), "State": "DISABLED"})
        return {}

    # --- targets --------------------------------------------------------------------------------------------

    async def _put_targets(self, asked: Members) -> Members:
        _check_bus(asked)
        row = self._row(asked["Rule"])
        for target in asked["Targets"]:
            _check_target(target, f"{self.region}:{self.account}")
        targets = row["targets"] | {target["Id"]: target for target in asked["Targets"]}
        if len(targets) > TARGETS:
            text = "The requested resource exceeds the maximum number allowed."
            raise ControlError("LimitExceededException", f"{text} A rule has {TARGETS} targets.")
        await self._settle({**row, "targets": targets})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def _list_targets(self, asked: Members) -> Members:
        _check_bus(asked)
        return _page("Targets", list(self._row(asked["Rule"])["targets"].values()), asked)

    async def _remove_targets(self, asked: Members) -> Members:
        _check_bus(asked)
        row = self._row(asked["Rule"])
        left = {target_id: target for target_id, target in row["targets"].items() if target_id not in asked["Ids"]}
        await self._settle({**row, "targets": left})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def _by_target(self, asked: Members) -> Members:
        _check_bus(asked)
        names = [
            name
            for name, row in self.rows.items()
            if any(target["Arn"] == asked["TargetArn"] for target in row["targets"].values())
        ]
        return _page("RuleNames", names, asked)

    # --- tags -----------------------------------------------------------------------------------------------

    async def _tag(self, asked: Members) -> Members:
        row = self._tagged(asked)
        await self._settle({**row, "tags": row["tags"] | {tag["Key"]: tag["Value"] for tag in asked["Tags"]}})
        return {}

    async def _untag(self, asked: Members) -> Members:
        row = self._tagged(asked)
        tags = {key: value for key, value in row["tags"].items() if key not in asked["TagKeys"]}
        await self._settle({**row, "tags": tags})
        return {}

    async def _list_tags(self, asked: Members) -> Members:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(asked)["tags"].items()]}

    def _tagged(self, asked: Members) -> Row:
        name = asked["ResourceARN"].rpartition("/")[2]
        if asked["ResourceARN"] != self._arn(name):
            raise _missing(f"{asked['ResourceARN']} does not exist.")
        return self._row(name)

    def _row(self, name: str) -> Row:
        row = self.rows.get(name)
        if row is None:
            raise _missing(f"Rule {name} does not exist on EventBus {BUS}.")
        return row

    def _arn(self, name: str) -> str:
        return f"arn:aws:events:{self.region}:{self.account}:rule/{name}"

    def _shown(self, row: Row) -> Row:
        own = {name: value for name, value in row.items() if name not in ("targets", "tags")}
        return {**own, "Arn": self._arn(row["Name"]), "EventBusName": BUS}


def _check_rate(expression: str) -> None:
    try:
        rate_seconds(expression)
    except BadEventSource as error:
        raise _invalid(f"Parameter ScheduleExpression is not valid: {error}") from error
    if ("(1 " in expression) == expression.endswith("s)"):
        raise _invalid("Parameter ScheduleExpression is not valid: a unit is singular with 1, and else plural")


def _check_bus(asked: Members) -> None:
    """There is one bus; it may be named by its ARN."""
    bus = asked.get("EventBusName", BUS)
    if bus.rpartition("/")[2] != BUS:
        raise _missing(f"Event bus {bus} does not exist.")


def _check_target(target: Row, place: str) -> None:
    if not _FUNCTION.fullmatch(target["Arn"]) or f":lambda:{place}:" not in target["Arn"]:
        raise _invalid(f"Only functions of {place} are started here, not {target['Arn']}")
    for member in target:
        if member not in _OF_A_TARGET:
            raise _invalid(f"{member} of a target is not served here")
    try:
        json.loads(target.get("Input", "null"))
    except ValueError as error:
        raise _invalid(f"Input for target {target['Id']} is no JSON: {error}") from error


def _page(member: str, rows: Sequence[object], asked: Members) -> Members:
    token = asked.get("NextToken", "0")
    if not (token.isascii() and token.isdigit()):
        raise _invalid("NextToken is none that was given")
    start = int(token)
    end = start + min(asked.get("Limit", PAGE), PAGE)
    return {member: rows[start:end], **({"NextToken": str(end)} if end < len(rows) else {})}


def _invalid(text: str) -> ControlError:
    return ControlError("ValidationException", text)


def _missing(text: str) -> ControlError:
    return ControlError("ResourceNotFoundException", text)
