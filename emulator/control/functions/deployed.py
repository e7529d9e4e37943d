"""The operations on functions and their versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.functions.configuration import changed, fresh, told
from emulator.control.functions.roster import Roster, Row, bad, check_revision, conflict, missing, only, paged, revision
from emulator.control.operation import Members, Operation
from emulator.lambdas.config import LATEST

_OF_A_STATE: Final = ("RevisionId", "LastModified")
"""What two states differ in that are otherwise the same."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The operations."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateFunction": self._create,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_settings,
            "ListFunctions": self._list,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_settings,
            "DeleteFunction": self._delete,
            "PublishVersion": self._publish,
            "ListVersionsByFunction": self._list_versions,
        }

    # --- functions ------------------------------------------------------------------------------------------

    async def _create(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        if name in self.roster.records:
            raise conflict(f"Function already exist: {name}")
        settings = {
            **fresh(asked, "Code", "Publish", "Tags", "Architectures"),
            "FunctionName": name,
            "FunctionArn": self.roster.arn(name),
            "Version": LATEST,
            **await self._code(asked["Code"]),
        }
        record: Row = {"settings": self._touched(settings), "versions": {}, "aliases": {}, "policies": {}, "invoke": {}}
        record["tags"] = asked.get("Tags", {})
        published = self._add_version(record, {}) if asked.get("Publish") else record["settings"]
        await self.roster.add(name, record)
        return told(published)

    async def _code(self, code: Row) -> Row:
        """Keep the code of a request: in a thread, for it may be large, and the gateway goes on serving."""
        package = code.get("ZipFile")
        if package is None or code.get("S3Bucket") or code.get("ImageUri"):
            raise bad("Please provide the code as ZipFile: S3 objects and images are not run here")
        return {"CodeSha256": await asyncio.to_thread(self.roster.code.keep, package), "CodeSize": len(package)}

    def _touched(self, settings: Row) -> Row:
        return settings | {"LastModified": self.roster.now(), "RevisionId": revision()}

    def _found(self, asked: Members) -> tuple[Row, Row]:
        """The record of a function, and the settings that a qualifier leads to, told under this qualifier's ARN."""
        name, qualifier = self.roster.named(asked)
        record = self.roster.record(name)
        return record, told(self.roster.settings(record, qualifier), self.roster.arn(name, qualifier))

    async def _get(self, asked: Members) -> Members:
        record, settings = self._found(asked)
        concurrency = record.get("concurrency")
        return {
            "Configuration": settings,
            "Code": {"RepositoryType": "S3", "Location": self.roster.code.home(settings["CodeSha256"]).as_uri()},
            **({"Tags": record["tags"]} if record["tags"] else {}),
            **({} if concurrency is None else {"Concurrency": {"ReservedConcurrentExecutions": concurrency}}),
        }

    async def _get_settings(self, asked: Members) -> Members:
        return self._found(asked)[1]

    async def _list(self, asked: Members) -> Members:
        only(asked, "FunctionVersion", "Marker", "MaxItems")
        records = list(self.roster.records.values())
        if asked.get("FunctionVersion") == "ALL":
            return paged("Functions", [row for record in records for row in self._versions(record)], asked)
        return paged("Functions", [told(record["settings"]) for record in records], asked)

    async def _update_code(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        served = ("FunctionName", "ZipFile", "Architectures", "Publish", "DryRun", "RevisionId")
        only(asked, *served, "S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri")
        before = self.roster.record(name)["settings"]
        check_revision(asked, before["RevisionId"])
        found = await self._code(asked)
        found |= {"Architectures": asked["Architectures"]} if "Architectures" in asked else {}
        if asked.get("DryRun"):
            return told(before | found)
        async with self.roster.changing(name) as record:
            record["settings"] = self._touched(record["settings"] | found)
            answer = self._add_version(record, {}) if asked.get("Publish") else record["settings"]
        return told(answer)

    async def _update_settings(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        async with self.roster.changing(name) as record:
            check_revision(asked, record["settings"]["RevisionId"])
            record["settings"] = self._touched(changed(record["settings"], asked))
        return told(record["settings"])

    async def _delete(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        if not qualifier:
            await self.roster.remove(name)
            return {}
        if qualifier == LATEST:
            raise bad("$LATEST version cannot be deleted without deleting the function.")
        async with self.roster.changing(name) as record:
            if record["versions"].pop(qualifier, None) is None:
                raise missing(f"Function not found: {self.roster.arn(name, qualifier)}")
            for alias in record["aliases"].values():
                if qualifier in _named_by(alias):
                    raise conflict(f"Version {qualifier} is named by the alias {alias['Name']}")
            for of_qualifiers in ("policies", "invoke"):
                record[of_qualifiers].pop(qualifier, None)
        return {}

    # --- versions -------------------------------------------------------------------------------------------

    async def _publish(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        only(asked, "FunctionName", "CodeSha256", "Description", "RevisionId")
        async with self.roster.changing(name) as record:
            latest = record["settings"]
            if asked.get("CodeSha256", latest["CodeSha256"]) != latest["CodeSha256"]:
                raise bad(f"CodeSHA256 ({asked['CodeSha256']}) is different from current CodeSHA256 in $LATEST")
            check_revision(asked, latest["RevisionId"])
            version = self._add_version(record, {"Description": asked["Description"]} if "Description" in asked else {})
        return told(version)

    def _add_version(self, record: Row, changes: Row) -> Row:
        """Publish $LATEST, unless it is as when it was last published: then that version is the answer, as on AWS."""
        latest = record["settings"]
        state = {name: value for name, value in latest.items() if name not in _OF_A_STATE}
        last = str(record.get("published", 0))
        if last in record["versions"] and record.get("published_state") == state:
            return dict(record["versions"][last])
        # Numbers are never used again, also when the version has been deleted.
        number = str(record.get("published", 0) + 1)
        record["published"], record["published_state"] = int(number), state
        named = {"Version": number, "FunctionArn": self.roster.arn(latest["FunctionName"], number)}
        record["versions"][number] = self._touched(latest | changes | named)
        version: Row = record["versions"][number]
        return version

    async def _list_versions(self, asked: Members) -> Members:
        return paged("Versions", self._versions(self.roster.record(self.roster.plain(asked))), asked)

    def _versions(self, record: Row) -> list[Row]:
        latest = record["settings"]
        arn = self.roster.arn(latest["FunctionName"], LATEST)
        return [told(latest, arn), *(told(row) for row in record["versions"].values())]


def _named_by(alias: Row) -> set[str]:
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return {alias["FunctionVersion"], *weights}
