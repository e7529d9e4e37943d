"""Tags of APIs, stages, plans and keys, and the account's own settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emulator.control.apis.catalog import Catalog, Row, bad, found
from emulator.control.apis.patch import Patches
from emulator.control.operation import Members, Operation
from emulator.stages import ACCOUNT_THROTTLE

_ARN: Final = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+::/(.+)")


@dataclass(frozen=True, slots=True)
class Tags:
    """The operations on tags and on the account."""

    catalog: Catalog
    patches: Patches

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "GetTags": self._get,
            "GetAccount": self._get_account,
            "UpdateAccount": self._update_account,
        }

    async def _tag(self, asked: Members) -> Members:
        with self._changing(asked["resourceArn"]) as row:
            row["tags"] = row.get("tags", {}) | asked["tags"]
        return {}

    async def _untag(self, asked: Members) -> Members:
        with self._changing(asked["resourceArn"]) as row:
            row["tags"] = {name: value for name, value in row.get("tags", {}).items() if name not in asked["tagKeys"]}
        return {}

    async def _get(self, asked: Members) -> Members:
        owner, path = _owner(asked["resourceArn"])
        holder = self.catalog.api(owner) if owner else self.catalog.account
        return {"tags": _tagged(holder, path).get("tags", {})}

    @contextmanager
    def _changing(self, arn: str) -> Iterator[Row]:
        owner, path = _owner(arn)
        with self.catalog.changing(owner) if owner else self.catalog.changing_account() as holder:
            yield _tagged(holder, path)

    async def _get_account(self, _asked: Members) -> Members:
        throttle = {"rateLimit": ACCOUNT_THROTTLE.rate, "burstLimit": ACCOUNT_THROTTLE.burst}
        return {"throttleSettings": throttle, "features": ["UsagePlans"], **self.catalog.account["account"]}

    async def _update_account(self, asked: Members) -> Members:
        with self.catalog.changing_account() as account:
            refused = ("throttleSettings", "features", "apiKeyVersion")
            self.patches.apply(account["account"], "Account", asked.get("patchOperations", []), refused)
        return await self._get_account({})


def _owner(arn: str) -> tuple[str, list[str]]:
    """The API that an ARN is of, empty for what belongs to the account, and the parts of its path."""
    named = _ARN.fullmatch(arn)
    path = named[1].split("/") if named else []
    if len(path) not in (2, 4):
        raise bad(f"Invalid ARN specified in the request: {arn}")
    return (path[1] if path[0] == "restapis" else ""), path


def _tagged(holder: Row, path: list[str]) -> Row:
    match path:
        case ["restapis", _]:
            row: Row = holder["api"]
            return row
        case ["restapis", _, "stages", stage]:
            return found(holder["stages"], stage, "stage")
        case ["usageplans", plan_id]:
            return found(holder["usage_plans"], plan_id, "Usage Plan")
        case ["apikeys", key_id]:
            return found(holder["api_keys"], key_id, "API Key")
    raise bad(f"Tags of {'/'.join(path)} are not kept here: only those of APIs, stages, usage plans and keys")
