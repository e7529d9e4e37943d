"""Tags of APIs, stages, plans and keys, and the account's own settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emulator.control.apis.catalog import Catalog, Row, bad, found
from emulator.control.apis.patch import Patches
from emulator.control.operation import Members, Operation
from emulator.stages import ACCOUNT_THROTTLE

_ARN: Final = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+::/(.+)")

_Find = Callable[[Row], Row]


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
        with self._changing(asked["resourceArn"]) as row:
            return {"tags": row.get("tags", {})}

    @contextmanager
    def _changing(self, arn: str) -> Iterator[Row]:
        named = _ARN.fullmatch(arn)
        match (named[1] if named else "").split("/"):
            case ["restapis", api_id]:
                with self.catalog.changing(api_id) as record:
                    yield record["api"]
            case ["restapis", api_id, "stages", stage]:
                with self.catalog.changing(api_id) as record:
                    yield found(record["stages"], stage, "stage")
            case ["usageplans", plan_id]:
                with self.catalog.changing_account() as account:
                    yield found(account["usage_plans"], plan_id, "Usage Plan")
            case ["apikeys", key_id]:
                with self.catalog.changing_account() as account:
                    yield found(account["api_keys"], key_id, "API Key")
            case _:
                raise bad(f"Invalid ARN specified in the request: {arn}")

    async def _get_account(self, _asked: Members) -> Members:
        throttle = {"rateLimit": ACCOUNT_THROTTLE.rate, "burstLimit": ACCOUNT_THROTTLE.burst}
        return {"throttleSettings": throttle, "features": ["UsagePlans"], **self.catalog.account["account"]}

    async def _update_account(self, asked: Members) -> Members:
        with self.catalog.changing_account() as account:
            refused = ("throttleSettings", "features", "apiKeyVersion")
            self.patches.apply(account["account"], "Account", asked.get("patchOperations", []), refused)
        return await self._get_account({})
