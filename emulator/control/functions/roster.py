"""The functions that were deployed: their records on disk, and the same functions running."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from emulator.clock import Clock
from emulator.control.errors import ControlError
from emulator.control.functions.code import Code
from emulator.control.kept import Kept
from emulator.control.operation import Members
from emulator.lambdas import FunctionConfig
from emulator.lambdas.config import LATEST
from emulator.lambdas.functions import DeployedFunctions

Row = dict[str, Any]

KIND: Final = "functions"
PAGE: Final = 50
"""Rows to a page at most. Source: API ListFunctions, MaxItems."""

_ARN: Final = "arn:aws:lambda:{region}:{account}:function:{name}"
_NAMED: Final = re.compile(
    r"(?:(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>[0-9]{12}):)?(?:function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
"""A name, a part of an ARN or a whole one. Source: API Invoke, FunctionName."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where functions run; `environment` is what each finds besides its own."""

    region: str
    account: str
    environment: Mapping[str, str] = field(default_factory=dict)
    worker: Literal["awslambdaric", "fast"] = "awslambdaric"

    @property
    def place(self) -> tuple[str, str]:
        """The Region and the account."""
        return self.region, self.account


@dataclass(slots=True)
class Roster:
    """Every function as a record: `settings` of $LATEST, `versions`, `aliases`; `policies`, `invoke` by qualifier."""

    kept: Kept
    code: Code
    running: DeployedFunctions
    machine: Machine
    clock: Clock
    records: dict[str, Row] = field(default_factory=dict)

    async def restore(self) -> None:
        """Run again what was deployed before."""
        self.records = self.kept.read(KIND)
        for record in self.records.values():
            await self._run({}, record)
        await self._tidy()

    def record(self, name: str) -> Row:
        """The record of a function, to look at; ResourceNotFoundException where there is none."""
        record = self.records.get(name)
        if record is None:
            raise missing(f"Function not found: {self.arn(name)}")
        return record

    @asynccontextmanager
    async def changing(self, name: str) -> AsyncIterator[Row]:
        """Give a copy to change; it is kept and then run, and nothing happens after an error."""
        before = self.record(name)
        copy = deepcopy(before)
        yield copy
        await self._settle(name, before, copy)

    async def add(self, name: str, record: Row) -> None:
        """Keep and run a new function."""
        await self._settle(name, {}, record)

    async def remove(self, name: str) -> None:
        """Forget a function with all its versions."""
        before = self.record(name)
        self.kept.write(KIND, {key: record for key, record in self.records.items() if key != name})
        del self.records[name]
        await self._run(before, {})
        await self._tidy()

    async def _settle(self, name: str, before: Row, after: Row) -> None:
        self.kept.write(KIND, {**self.records, name: after})
        self.records[name] = after
        await self._run(before, after)
        await self._tidy()

    async def _tidy(self) -> None:
        """Delete code that nothing runs from; what a last event still runs from goes with the next change."""
        await asyncio.to_thread(self.code.forget_all_but, self.running.code_in_use())

    async def _run(self, before: Row, after: Row) -> None:
        """Bring what runs from one record to another; what has not changed goes on undisturbed."""
        name = (after or before)["settings"]["FunctionName"]
        self.running.reserve(name, after.get("concurrency"))
        self._let_invoke(name, after.get("invoke", {}))
        old = {config.key: config for config in self._configs(before)}
        new = {config.key: config for config in self._configs(after)}
        for key, config in new.items():
            if old.get(key) != config:
                await self.running.put(key, config)
        was, is_now = dict(_targets(before)), dict(_targets(after))
        for alias in {**was, **is_now}:
            if was.get(alias) != is_now.get(alias):
                self.running.point(alias, is_now.get(alias, []))
        for key in old:
            if key not in new:
                self.running.drop(key)

    def _let_invoke(self, name: str, rows: Mapping[str, Row]) -> None:
        """How each qualifier is invoked asynchronously; who runs is not disturbed by it."""
        others = {key: one for key, one in self.running.asynchronous.items() if key.partition(":")[0] != name}
        self.running.asynchronous = others | {_key(name, key): _asynchronous(row) for key, row in rows.items()}

    def _configs(self, record: Row) -> Iterator[FunctionConfig]:
        for settings in _all(record):
            yield FunctionConfig(
                name=settings["FunctionName"],
                version=settings["Version"],
                handler=settings["Handler"],
                code_root=str(self.code.home(settings["CodeSha256"])),
                memory_mb=settings["MemorySize"],
                timeout_seconds=settings["Timeout"],
                environment={**self.machine.environment, **settings.get("Environment", {}).get("Variables", {})},
                region=self.machine.region,
                account=self.machine.account,
                worker=self.machine.worker,
                dead_letters=settings.get("DeadLetterConfig", {}).get("TargetArn") or None,
            )

    # --- names ----------------------------------------------------------------------------------------------

    def arn(self, name: str, qualifier: str = "") -> str:
        """The ARN of a function, or of a version or alias of it."""
        plain = _ARN.format(region=self.machine.region, account=self.machine.account, name=name)
        return f"{plain}:{qualifier}" if qualifier else plain

    def named(self, asked: Members) -> tuple[str, str]:
        """The name and the qualifier (empty for none) of a request, whichever way the function is named."""
        found = _NAMED.fullmatch(asked["FunctionName"])
        if found is None:
            raise bad(f"{asked['FunctionName']} is neither the name nor the ARN of a function")
        if (found["region"] or self.machine.region, found["account"] or self.machine.account) != self.machine.place:
            raise missing(f"Function not found: {asked['FunctionName']}: here are those of {self.arn('*')}")
        own, asked_for = found["qualifier"] or "", asked.get("Qualifier") or ""
        if own and asked_for and own != asked_for:
            raise bad("The derived qualifier from the function name does not match the specified qualifier.")
        return found["name"], own or asked_for

    def plain(self, asked: Members) -> str:
        """The name of a request that is about a function as a whole."""
        name, qualifier = self.named(asked)
        if qualifier not in ("", LATEST):
            raise bad("This operation is permitted on Lambda functions only. Aliases and versions do not support it.")
        return name

    def settings(self, record: Row, qualifier: str) -> Row:
        """The settings of $LATEST, of a version, or of what an alias stands for."""
        name = record["settings"]["FunctionName"]
        alias = record["aliases"].get(qualifier)
        version = alias["FunctionVersion"] if alias else qualifier
        if version in ("", LATEST):
            found: Row | None = record["settings"]
        else:
            found = record["versions"].get(version)
        if found is None:
            raise missing(f"Function not found: {self.arn(name, qualifier)}")
        return found

    def now(self) -> str:
        """This instant, as Lambda writes it."""
        moment = datetime.fromtimestamp(self.clock.wall() / 1_000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _all(record: Row) -> list[Row]:
    return [record["settings"], *record["versions"].values()] if record else []


def _targets(record: Row) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """What each alias stands for: the additional versions with their weights, then the main one with the rest."""
    for alias in record.get("aliases", {}).values():
        name = record["settings"]["FunctionName"]
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        others = [(_key(name, version), weight) for version, weight in weights.items()]
        main = (_key(name, alias["FunctionVersion"]), 1.0 - sum(weights.values()))
        yield f"{name}:{alias['Name']}", [*others, main]


def _key(name: str, version: str) -> str:
    return name if version == LATEST else f"{name}:{version}"


def _asynchronous(row: Row) -> Row:
    """How FunctionConfig has what a FunctionEventInvokeConfig says."""
    destinations = row.get("DestinationConfig", {})
    return {
        "maximum_retry_attempts": row.get("MaximumRetryAttempts", 2),
        "maximum_event_age_seconds": row.get("MaximumEventAgeInSeconds", 6 * 60 * 60),
        "on_success": _destination(destinations.get("OnSuccess", {})),
        "on_failure": _destination(destinations.get("OnFailure", {})),
    }


def _destination(row: Row) -> str | None:
    """The ARN of a queue or topic, the name of a function."""
    arn = row.get("Destination") or ""
    return (arn.split(":function:", 1)[1] if ":function:" in arn else arn) or None


def revision() -> str:
    """A name for one state of a function or alias, in the form of a UUID."""
    return revised(secrets.token_hex(16))


def revised(digits: str) -> str:
    """32 hexadecimal digits as a UUID is written."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def check_revision(asked: Members, current: str) -> None:
    """Refuse a change to something that has changed since it was looked at."""
    if asked.get("RevisionId") not in (None, current):
        text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API."
        raise ControlError("PreconditionFailedException", text, 412)


def only(asked: Members, *served: str) -> None:
    """Refuse members that would have no effect here; those that are empty ask for nothing."""
    for name in asked:
        if name not in served and _says_something(asked[name]):
            raise bad(f"{name} is not served here")


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_says_something(one) for one in value.values())
    return bool(value)


def paged(member: str, rows: list[Row], asked: Members) -> Members:
    """Return a page; `Marker` is where the next one begins."""
    marker = asked.get("Marker") or "0"
    if not (marker.isascii() and marker.isdigit()):
        raise bad("The Marker is none that was given")
    start = int(marker)
    end = start + min(asked.get("MaxItems") or PAGE, PAGE)
    return {member: rows[start:end], **({"NextMarker": str(end)} if end < len(rows) else {})}


def missing(text: str) -> ControlError:
    """There is no such thing."""
    return ControlError("ResourceNotFoundException", text, 404)


def bad(text: str) -> ControlError:
    """A request that cannot be meant, or would not be served as it says."""
    return ControlError("InvalidParameterValueException", text)


def conflict(text: str) -> ControlError:
    """It is there already."""
    return ControlError("ResourceConflictException", text, 409)
