"""The functions that were deployed: their records on disk, and the same functions running."""

from __future__ import annotations

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
_ARN: Final = "arn:aws:lambda:{region}:{account}:function:{name}"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where functions run; `environment` is what each finds besides its own."""

    region: str
    account: str
    environment: Mapping[str, str] = field(default_factory=dict)
    worker: Literal["awslambdaric", "fast"] = "awslambdaric"


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
        self._tidy()

    async def _settle(self, name: str, before: Row, after: Row) -> None:
        self.kept.write(KIND, {**self.records, name: after})
        self.records[name] = after
        await self._run(before, after)
        self._tidy()

    def _tidy(self) -> None:
        used = {one["CodeSha256"] for record in self.records.values() for one in _all(record)}
        self.code.forget_all_but(used)

    async def _run(self, before: Row, after: Row) -> None:
        """Bring what runs from one record to another; what has not changed goes on undisturbed."""
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

    def _configs(self, record: Row) -> Iterator[FunctionConfig]:
        for settings in _all(record):
            chosen = _invoke_settings(record, settings["Version"])
            destinations = chosen.get("DestinationConfig", {})
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
                reserved_concurrency=record.get("concurrency"),
                maximum_retry_attempts=chosen.get("MaximumRetryAttempts", 2),
                maximum_event_age_seconds=chosen.get("MaximumEventAgeInSeconds", 6 * 60 * 60),
                on_success=destinations.get("OnSuccess", {}).get("Destination"),
                on_failure=destinations.get("OnFailure", {}).get("Destination"),
            )

    # --- names ----------------------------------------------------------------------------------------------

    def arn(self, name: str, qualifier: str = "") -> str:
        """The ARN of a function, or of a version or alias of it."""
        plain = _ARN.format(region=self.machine.region, account=self.machine.account, name=name)
        return f"{plain}:{qualifier}" if qualifier else plain

    def named(self, asked: Members) -> tuple[str, str]:
        """The name and the qualifier (empty for none) of a request, whichever way the function is named."""
        given = asked["FunctionName"]
        name, _, qualifier = (given.split(":function:", 1)[1] if ":function:" in given else given).partition(":")
        return name, asked.get("Qualifier") or qualifier

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


def _invoke_settings(record: Row, version: str) -> Row:
    """How a version is invoked asynchronously: as an alias that stands for it says, else as it says itself."""
    aliases = [alias["Name"] for alias in record["aliases"].values() if alias["FunctionVersion"] == version]
    chosen: list[Row] = [record["invoke"][name] for name in (*aliases, version) if name in record["invoke"]]
    return chosen[0] if chosen else {}


def revision() -> str:
    """A name for one state of a function or alias."""
    return secrets.token_hex(16)


def missing(text: str) -> ControlError:
    """There is no such thing."""
    return ControlError("ResourceNotFoundException", text, 404)


def bad(text: str) -> ControlError:
    """A request that cannot be meant, or would not be served as it says."""
    return ControlError("InvalidParameterValueException", text)


def conflict(text: str) -> ControlError:
    """It is there already."""
    return ControlError("ResourceConflictException", text, 409)
