"""How much of a function may run at once, and what becomes of events that it is invoked with asynchronously."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.functions.code import UNZIPPED_BYTES, ZIPPED_BYTES
from emulator.control.functions.roster import Roster, Row, bad, missing, paged
from emulator.control.operation import Members, Operation
from emulator.lambdas.config import LATEST
from emulator.lambdas.destinations import is_destination
from emulator.lambdas.functions import ACCOUNT_CONCURRENCY

_MEMBERS: Final[tuple[str, ...]] = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
_RETRIES: Final = 2
_AGE_SECONDS: Final = (60, 21_600)
UNRESERVED: Final = 100
"""What functions without a reservation keep in any case. Source: API PutFunctionConcurrency."""


@dataclass(frozen=True, slots=True)
class Invoking:
    """The operations on reserved concurrency, asynchronous invocation and the account's limits."""

    roster: Roster

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "PutFunctionConcurrency": self._put_concurrency,
            "GetFunctionConcurrency": self._get_concurrency,
            "DeleteFunctionConcurrency": self._delete_concurrency,
            "PutFunctionEventInvokeConfig": self._put,
            "UpdateFunctionEventInvokeConfig": self._update,
            "GetFunctionEventInvokeConfig": self._get,
            "ListFunctionEventInvokeConfigs": self._list,
            "DeleteFunctionEventInvokeConfig": self._delete,
            "GetAccountSettings": self._account,
        }

    # --- concurrency ----------------------------------------------------------------------------------------

    async def _put_concurrency(self, asked: Members) -> Members:
        name, wanted = self.roster.plain(asked), asked["ReservedConcurrentExecutions"]
        async with self.roster.changing(name) as record:
            if self._reserved(without=name) + wanted > ACCOUNT_CONCURRENCY - UNRESERVED:
                text = "decreases account's UnreservedConcurrentExecution below its minimum value of"
                raise bad(f"Specified ReservedConcurrentExecutions for function {text} [{UNRESERVED}].")
            record["concurrency"] = wanted
        return {"ReservedConcurrentExecutions": wanted}

    def _reserved(self, without: str = "") -> int:
        return sum(record.get("concurrency", 0) for name, record in self.roster.records.items() if name != without)

    async def _get_concurrency(self, asked: Members) -> Members:
        concurrency = self.roster.record(self.roster.plain(asked)).get("concurrency")
        return {} if concurrency is None else {"ReservedConcurrentExecutions": concurrency}

    async def _delete_concurrency(self, asked: Members) -> Members:
        async with self.roster.changing(self.roster.plain(asked)) as record:
            record.pop("concurrency", None)
        return {}

    async def _account(self, _asked: Members) -> Members:
        settings = [record["settings"] for record in self.roster.records.values()]
        limits = {
            "CodeSizeZipped": ZIPPED_BYTES,
            "CodeSizeUnzipped": UNZIPPED_BYTES,
            "TotalCodeSize": 75 * 1024**3,
            "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
            "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - self._reserved(),
        }
        usage = {"TotalCodeSize": sum(row["CodeSize"] for row in settings), "FunctionCount": len(settings)}
        return {"AccountLimit": limits, "AccountUsage": usage}

    # --- asynchronous invocation ----------------------------------------------------------------------------

    async def _put(self, asked: Members) -> Members:
        return await self._settle(asked, {})

    async def _update(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        return await self._settle(asked, self._row(self.roster.record(name), name, qualifier))

    async def _settle(self, asked: Members, before: Row) -> Members:
        name, qualifier = self.roster.named(asked)
        chosen = {member: asked[member] for member in _MEMBERS if member in asked}
        if not chosen:
            raise bad("You must specify at least one of error handling or destination setting.")
        _check(chosen)
        async with self.roster.changing(name) as record:
            self.roster.settings(record, qualifier)
            row = {**before, **chosen, "LastModified": self.roster.clock.wall() // 1_000}
            record["invoke"][qualifier or LATEST] = row
        return self._told(name, qualifier, row)

    async def _get(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        return self._told(name, qualifier, self._row(self.roster.record(name), name, qualifier))

    async def _list(self, asked: Members) -> Members:
        name = self.roster.plain(asked)
        rows = [self._told(name, qualifier, row) for qualifier, row in self.roster.record(name)["invoke"].items()]
        return paged("FunctionEventInvokeConfigs", rows, asked)

    async def _delete(self, asked: Members) -> Members:
        name, qualifier = self.roster.named(asked)
        async with self.roster.changing(name) as record:
            self._row(record, name, qualifier)
            del record["invoke"][qualifier or LATEST]
        return {}

    def _row(self, record: Row, name: str, qualifier: str) -> Row:
        row: Row | None = record["invoke"].get(qualifier or LATEST)
        if row is None:
            arn = self.roster.arn(name, qualifier or LATEST)
            raise missing(f"The function {arn} doesn't have an EventInvokeConfig")
        return row

    def _told(self, name: str, qualifier: str, row: Row) -> Row:
        return {**row, "FunctionArn": self.roster.arn(name, qualifier or LATEST)}


def _check(chosen: Row) -> None:
    if not 0 <= chosen.get("MaximumRetryAttempts", 0) <= _RETRIES:
        raise bad(f"MaximumRetryAttempts is from 0 to {_RETRIES}")
    lowest, highest = _AGE_SECONDS
    if not lowest <= chosen.get("MaximumEventAgeInSeconds", lowest) <= highest:
        raise bad(f"MaximumEventAgeInSeconds is from {lowest} to {highest}")
    for outcome in chosen.get("DestinationConfig", {}).values():
        arn = outcome.get("Destination", "")
        if arn and not (is_destination(arn) or ":function:" in arn):
            raise bad(f"A destination is a standard queue or topic, or a function; {arn} is not served here")
