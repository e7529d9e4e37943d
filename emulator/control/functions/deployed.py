"""The operations on functions: code, settings, versions, concurrency, asynchronous invocation, tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.errors import ControlError
from emulator.control.functions.roster import Roster, Row, bad, conflict, missing, revision
from emulator.control.operation import Members, Operation
from emulator.lambdas.config import LATEST

PAGE: Final = 50
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SETTINGS: Final = ("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "Environment")
_KEPT: Final = ("TracingConfig", "DeadLetterConfig", "EphemeralStorage", "LoggingConfig")
"""Members that are kept and answered; here they have no effect."""

_NOT_RUN: Final = ("Layers", "ImageConfig", "FileSystemConfigs", "CodeSigningConfigArn")
_DEFAULTS: Final[Row] = {"Description": "", "Timeout": 3, "MemorySize": 128, "TracingConfig": {"Mode": "PassThrough"}}
_COMPARED: Final = ("CodeSha256", "Runtime", "Handler", "Timeout", "MemorySize", "Environment", "Role", "Description")
_INVOKE: Final = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


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
            "PutFunctionConcurrency": self._put_concurrency,
            "GetFunctionConcurrency": self._get_concurrency,
            "DeleteFunctionConcurrency": self._delete_concurrency,
            "PutFunctionEventInvokeConfig": self._put_invoke,
            "GetFunctionEventInvokeConfig": self._get_invoke,
            "DeleteFunctionEventInvokeConfig": self._delete_invoke,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTags": self._list_tags,
        }

    # --- functions ------------------------------------------------------------------------------------------

    async def _create(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        if not _NAME.fullmatch(name):
            raise bad(f"The function name {name} must be 1 to 64 letters, digits, - and _")
        if name in self.roster.records:
            raise conflict(f"Function already exist: {name}")
        settings = {
            **_DEFAULTS,
            "FunctionName": name,
            "FunctionArn": self.roster.arn(name),
            "Version": LATEST,
            "PackageType": "Zip",
            "Architectures": asked.get("Architectures", ["x86_64"]),
            "EphemeralStorage": {"Size": 512},
            **_chosen(asked),
            **self._code(asked.get("Code", {})),
        }
        _check(settings)
        record: Row = {"settings": self._touched(settings), "versions": {}, "aliases": {}, "policies": {}, "invoke": {}}
        record["tags"] = asked.get("Tags", {})
        if asked.get("Publish"):
            self._add_version(record, {})
        await self.roster.add(name, record)
        return _settings(record["settings"])

    def _code(self, code: Row) -> Row:
        package = code.get("ZipFile")
        if package is None:
            raise bad("Please provide the code as ZipFile: S3 objects and images are not run here")
        return {"CodeSha256": self.roster.code.keep(package), "CodeSize": len(package)}

    def _touched(self, settings: Row) -> Row:
        return settings | {"LastModified": self.roster.now(), "RevisionId": revision()}

    async def _get(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        record = self.roster.record(name)
        settings = self.roster.settings(record, qualifier)
        concurrency = record.get("concurrency")
        return {
            "Configuration": _settings(settings),
            "Code": {"RepositoryType": "S3", "Location": self.roster.code.home(settings["CodeSha256"]).as_uri()},
            "Tags": record["tags"],
            **({} if concurrency is None else {"Concurrency": {"ReservedConcurrentExecutions": concurrency}}),
        }

    async def _get_settings(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        return _settings(self.roster.settings(self.roster.record(name), qualifier))

    async def _list(self, asked: Members) -> Members:
        rows = [_settings(record["settings"]) for record in self.roster.records.values()]
        return paged("Functions", rows, asked)

    async def _update_code(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            _check_revision(asked, record["settings"])
            record["settings"] = self._touched(record["settings"] | self._code(asked))
            if asked.get("Publish"):
                self._add_version(record, {})
        return _settings(record["settings"])

    async def _update_settings(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            _check_revision(asked, record["settings"])
            record["settings"] = self._touched(record["settings"] | _chosen(asked))
            _check(record["settings"])
        return _settings(record["settings"])

    async def _delete(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        if not qualifier:
            await self.roster.remove(name)
            return {}
        async with self.roster.changing(name) as record:
            for alias in record["aliases"].values():
                if qualifier in _named_by(alias):
                    raise conflict(f"Version {qualifier} is named by the alias {alias['Name']}")
            if record["versions"].pop(qualifier, None) is None:
                raise missing(f"Function not found: {self.roster.arn(name, qualifier)}")
        return {}

    # --- versions -------------------------------------------------------------------------------------------

    async def _publish(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            latest = record["settings"]
            if asked.get("CodeSha256", latest["CodeSha256"]) != latest["CodeSha256"]:
                raise bad(f"CodeSHA256 ({asked['CodeSha256']}) is different from current CodeSHA256 in $LATEST")
            _check_revision(asked, latest)
            version = self._add_version(record, {"Description": asked["Description"]} if "Description" in asked else {})
        return _settings(version)

    def _add_version(self, record: Row, changes: Row) -> Row:
        """Publish $LATEST, unless the newest version is the same: then that one is the answer, as on AWS."""
        wanted = record["settings"] | changes
        newest = max(record["versions"].values(), key=lambda row: int(row["Version"]), default=None)
        if newest is not None and all(newest.get(name) == wanted.get(name) for name in _COMPARED):
            return dict(newest)
        # Numbers are never used again, also when the version has been deleted.
        number = str(record.get("published", 0) + 1)
        record["published"] = int(number)
        named = {"Version": number, "FunctionArn": self.roster.arn(wanted["FunctionName"], number)}
        record["versions"][number] = self._touched(wanted | named)
        version: Row = record["versions"][number]
        return version

    async def _list_versions(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        record = self.roster.record(name)
        latest = record["settings"] | {"FunctionArn": self.roster.arn(name, LATEST)}
        return paged("Versions", [_settings(row) for row in (latest, *record["versions"].values())], asked)

    # --- concurrency and asynchronous invocation ------------------------------------------------------------

    async def _put_concurrency(self, asked: Members) -> Members:
        name, _ = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            record["concurrency"] = asked["ReservedConcurrentExecutions"]
        return {"ReservedConcurrentExecutions": asked["ReservedConcurrentExecutions"]}

    async def _get_concurrency(self, asked: Members) -> Members:
        concurrency = self.roster.record(self.roster.named(asked)[0]).get("concurrency")
        return {} if concurrency is None else {"ReservedConcurrentExecutions": concurrency}

    async def _delete_concurrency(self, asked: Members) -> Members:
        async with self.roster.changing(self.roster.named(asked)[0]) as record:
            record.pop("concurrency", None)
        return {}

    async def _put_invoke(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            self.roster.settings(record, qualifier)
            row = {member: asked[member] for member in _INVOKE if member in asked}
            record["invoke"][qualifier or LATEST] = row | {"LastModified": self.roster.clock.wall() // 1_000}
        return self._invoke(record, name, qualifier)

    async def _get_invoke(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        return self._invoke(self.roster.record(name), name, qualifier)

    async def _delete_invoke(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            self._invoke(record, name, qualifier)
            del record["invoke"][qualifier or LATEST]
        return {}

    def _invoke(self, record: Row, name: str, qualifier: str) -> Row:
        row = record["invoke"].get(qualifier or LATEST)
        if row is None:
            raise missing(f"The function {self.roster.arn(name, qualifier)} doesn't have an EventInvokeConfig")
        return {**row, "FunctionArn": self.roster.arn(name, qualifier or LATEST)}

    # --- tags -----------------------------------------------------------------------------------------------

    async def _tag(self, asked: Members) -> Members:
        async with self.roster.changing(self.roster.named({"FunctionName": asked["Resource"]})[0]) as record:
            record["tags"] = record["tags"] | asked["Tags"]
        return {}

    async def _untag(self, asked: Members) -> Members:
        async with self.roster.changing(self.roster.named({"FunctionName": asked["Resource"]})[0]) as record:
            record["tags"] = {key: value for key, value in record["tags"].items() if key not in asked["TagKeys"]}
        return {}

    async def _list_tags(self, asked: Members) -> Members:
        return {"Tags": self.roster.record(self.roster.named({"FunctionName": asked["Resource"]})[0])["tags"]}


def paged(member: str, rows: list[Row], asked: Members) -> Members:
    """Return a page; `Marker` is where the next one begins."""
    try:
        start = int(asked.get("Marker") or 0)
    except ValueError:
        raise bad("The Marker is none that was given") from None
    end = start + min(asked.get("MaxItems") or PAGE, PAGE)
    return {member: rows[start:end], **({"NextMarker": str(end)} if end < len(rows) else {})}


def _settings(row: Row) -> Row:
    """The settings as answers have them: here a function is ready when the call returns."""
    return {**row, "State": "Active", "LastUpdateStatus": "Successful"}


def _chosen(asked: Members) -> Row:
    for name in _NOT_RUN:
        if asked.get(name):
            raise bad(f"{name} is not served here")
    return {name: asked[name] for name in (*_SETTINGS, *_KEPT) if asked.get(name) is not None}


def _check(settings: Row) -> None:
    if not str(settings.get("Runtime", "")).startswith("python3"):
        raise bad(f"Runtime {settings.get('Runtime')} is not run here: only Python is")
    if not settings.get("Handler") or "." not in settings["Handler"]:
        raise bad("A handler is named module.function")
    if not 1 <= settings["Timeout"] <= 900:
        raise bad("Timeout is from 1 to 900 seconds")
    if not 128 <= settings["MemorySize"] <= 10_240:
        raise bad("MemorySize is from 128 to 10240 MB")


def _check_revision(asked: Members, row: Row) -> None:
    if asked.get("RevisionId") not in (None, row["RevisionId"]):
        text = "The Revision Id provided does not match the latest Revision Id."
        raise ControlError("PreconditionFailedException", text, 412)


def _named_by(alias: Row) -> set[str]:
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return {alias["FunctionVersion"], *weights}
