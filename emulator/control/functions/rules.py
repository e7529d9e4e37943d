"""EventBridge's control plane as far as schedules go: rules with a rate, whose targets are functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from emulator.control.errors import ControlError
from emulator.control.functions.roster import Row
from emulator.control.kept import Kept
from emulator.control.operation import Members, Operation
from emulator.lambdas.event_sources import BadEventSource, ScheduleSource, rate_seconds
from emulator.lambdas.followers import Followers

KIND: Final = "rules"
_CHOSEN: Final[tuple[str, ...]] = ("Name", "ScheduleExpression", "Description", "RoleArn", "State")


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
            await self._follow(row)

    async def _put(self, asked: Members) -> Members:
        expression = asked.get("ScheduleExpression", "")
        if asked.get("EventPattern") or not expression:
            raise _invalid("Patterns are not served here: a rule needs a ScheduleExpression")
        try:
            rate_seconds(expression)
        except BadEventSource as error:
            raise _invalid(f"Parameter ScheduleExpression is not valid: {error}") from error
        before = self.rows.get(asked["Name"], {"targets": {}, "tags": {}})
        chosen = {name: asked[name] for name in _CHOSEN if name in asked}
        tags = before["tags"] | {tag["Key"]: tag["Value"] for tag in asked.get("Tags", ())}
        await self._settle({**before, "State": "ENABLED", **chosen, "tags": tags})
        return {"RuleArn": self._arn(asked["Name"])}

    async def _settle(self, row: Row) -> None:
        rows = {**self.rows, row["Name"]: row}
        self.kept.write(KIND, rows)
        self.rows = rows
        await self._follow(row)

    async def _follow(self, row: Row) -> None:
        """One task for the rule's first target: the others would start at the same instants."""
        for target in row["targets"].values():
            key = f"rule/{row['Name']}/{target['Id']}"
            await self.followers.drop(key)
            if row["State"] == "ENABLED":
                function = target["Arn"].split(":function:")[1]
                self.followers.add(key, ScheduleSource(function, rate_seconds(row["ScheduleExpression"])))

    async def _describe(self, asked: Members) -> Members:
        return self._shown(self._row(asked["Name"]))

    async def _list(self, asked: Members) -> Members:
        prefix = asked.get("NamePrefix", "")
        return {"Rules": [self._shown(row) for name, row in self.rows.items() if name.startswith(prefix)]}

    async def _delete(self, asked: Members) -> Members:
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
        await self._settle({**self._row(asked["Name"]), "State": "ENABLED"})
        return {}

    async def _disable(self, asked: Members) -> Members:
        await self._settle({**self._row(asked["Name"]), "State": "DISABLED"})
        return {}

    async def _put_targets(self, asked: Members) -> Members:
        row = self._row(asked["Rule"])
        for target in asked["Targets"]:
            if ":function:" not in target["Arn"]:
                raise _invalid(f"Only functions are started here, not {target['Arn']}")
        targets = row["targets"] | {target["Id"]: target for target in asked["Targets"]}
        await self._settle({**row, "targets": targets})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def _list_targets(self, asked: Members) -> Members:
        return {"Targets": list(self._row(asked["Rule"])["targets"].values())}

    async def _remove_targets(self, asked: Members) -> Members:
        row = self._row(asked["Rule"])
        for target_id in asked["Ids"]:
            await self.followers.drop(f"rule/{row['Name']}/{target_id}")
        left = {target_id: target for target_id, target in row["targets"].items() if target_id not in asked["Ids"]}
        await self._settle({**row, "targets": left})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def _by_target(self, asked: Members) -> Members:
        names = [
            name
            for name, row in self.rows.items()
            if any(target["Arn"] == asked["TargetArn"] for target in row["targets"].values())
        ]
        return {"RuleNames": names}

    async def _tag(self, asked: Members) -> Members:
        row = self._row(asked["ResourceARN"].rpartition("/")[2])
        await self._settle({**row, "tags": row["tags"] | {tag["Key"]: tag["Value"] for tag in asked["Tags"]}})
        return {}

    async def _untag(self, asked: Members) -> Members:
        row = self._row(asked["ResourceARN"].rpartition("/")[2])
        tags = {key: value for key, value in row["tags"].items() if key not in asked["TagKeys"]}
        await self._settle({**row, "tags": tags})
        return {}

    async def _list_tags(self, asked: Members) -> Members:
        tags = self._row(asked["ResourceARN"].rpartition("/")[2])["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _row(self, name: str) -> Row:
        row = self.rows.get(name)
        if row is None:
            raise ControlError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")
        return row

    def _arn(self, name: str) -> str:
        return f"arn:aws:events:{self.region}:{self.account}:rule/{name}"

    def _shown(self, row: Row) -> Row:
        own = {name: value for name, value in row.items() if name not in ("targets", "tags")}
        return {**own, "Arn": self._arn(row["Name"]), "EventBusName": "default"}


def _invalid(text: str) -> ControlError:
    return ControlError("ValidationException", text)
