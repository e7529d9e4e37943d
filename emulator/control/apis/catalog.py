"""The APIs of this machine and what stands beside them, in memory and in the folder that outlives a restart."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from emulator.clock import Clock
from emulator.control.errors import ControlError
from emulator.control.kept import Kept
from emulator.control.operation import Members

Row = dict[str, Any]

PAGE: Final = 25
LARGEST_PAGE: Final = 500
"""Rows that a list gives at once, by default and at most. Source: API Gateway API reference, `limit`."""

PARTS: Final = ("resources", "authorizers", "validators", "models", "gateway_responses", "deployments", "stages")
_POSITION: Final = re.compile(r"[0-9]{1,9}")
_ID_LETTERS: Final = string.ascii_lowercase + string.digits


def new_id(length: int = 10) -> str:
    """An identifier as API Gateway makes them: ten for an API, six for its parts."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(length))


@dataclass(slots=True)
class Catalog:
    """Every API as a record: `api` is its own row, and each of PARTS maps keys to rows.

    `account` has the rows that belong to no API: `usage_plans`, `api_keys`, and `account`'s own settings.
    """

    kept: Kept
    clock: Clock
    apis: dict[str, Row] = field(default_factory=dict)
    account: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put back what was deployed before."""
        ids = self.kept.read("apis").get("ids", [])
        self.apis = {api_id: self.kept.read(f"api-{api_id}") for api_id in ids}
        self.account = {"usage_plans": {}, "api_keys": {}, "account": {}} | self.kept.read("account")

    def now(self) -> int:
        """Seconds since the epoch."""
        return self.clock.wall() // 1_000

    def api(self, api_id: str) -> Row:
        """The record of an API, to look at; NotFoundException where there is none."""
        record = self.apis.get(api_id)
        if record is None:
            raise ControlError("NotFoundException", f"Invalid API identifier specified {api_id}", 404)
        return record

    @contextmanager
    def changing(self, api_id: str) -> Iterator[Row]:
        """Give a copy to change; it takes the record's place when it is on disk, and not at all after an error."""
        copy = _copy(self.api(api_id))
        yield copy
        self.kept.write(f"api-{api_id}", copy)
        self.apis[api_id] = copy

    @contextmanager
    def changing_account(self) -> Iterator[Row]:
        """Give a copy of the account's rows to change, likewise."""
        copy = _copy(self.account)
        yield copy
        self.kept.write("account", copy)
        self.account = copy

    def add(self, record: Row) -> None:
        """Keep a new API."""
        api_id = record["api"]["id"]
        self.kept.write(f"api-{api_id}", record)
        self.kept.write("apis", {"ids": [*self.apis, api_id]})
        self.apis[api_id] = record

    def drop(self, api_id: str) -> None:
        """Forget an API with all it has."""
        left = {name: record for name, record in self.apis.items() if name != api_id}
        self.kept.write("apis", {"ids": list(left)})
        self.apis = left
        self.kept.remove(f"api-{api_id}")


def _copy(row: Row) -> Row:
    """A copy as the file has it, at a tenth of the price of `copy.deepcopy`."""
    copy: Row = orjson.loads(orjson.dumps(row))
    return copy


def found(rows: Mapping[str, Row], key: str, what: str) -> Row:
    """Return the row of a key; NotFoundException names what is missing."""
    row = rows.get(key)
    if row is None:
        raise ControlError("NotFoundException", f"Invalid {what} identifier specified", 404)
    return row


def page(rows: list[Row], asked: Members, shown: Callable[[Row], Row] = lambda row: row) -> Members:
    """Return a page of a list: `position` is where the next one begins."""
    limit, position = min(asked.get("limit", PAGE), LARGEST_PAGE), asked.get("position", "0")
    if limit < 1:
        raise bad("Invalid limit parameter specified: at least 1 is expected")
    if not _POSITION.fullmatch(position):
        raise bad("Invalid position parameter specified")
    start = int(position)
    items = [shown(row) for row in rows[start : start + limit]]
    more = {"position": str(start + limit)} if start + limit < len(rows) else {}
    return {"items": items, **more}


def given(asked: Members, *without: str) -> Row:
    """The members of a request that are a row's own."""
    return {name: value for name, value in asked.items() if name not in without and value is not None}


def bad(text: str) -> ControlError:
    """A request that cannot be meant."""
    return ControlError("BadRequestException", text)


def conflict(text: str) -> ControlError:
    """A request that something else is in the way of."""
    return ControlError("ConflictException", text, 409)
