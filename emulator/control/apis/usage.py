"""Usage plans and API keys: who may ask how often, of which stages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given, new_id, page
from emulator.control.apis.patch import Patches, invalid, parts, typed
from emulator.control.apis.releases import Releases
from emulator.control.errors import ControlError
from emulator.control.operation import Members, Operation

VALUE_LENGTHS: Final = range(20, 129)
"""Characters of an API key's value. Source: API Gateway quotas."""

OFFSETS: Final = {"DAY": range(1), "WEEK": range(7), "MONTH": range(28)}
"""Requests that a first period may be shorter by. Source: Terraform's AWS provider, the plan's quota."""

_MADE_LENGTH: Final = 40
_LIMITS: Final = {"rateLimit": "double", "burstLimit": "integer"}
_STAGE_OF_A_PLAN: Final = re.compile(r"([a-z0-9]+):([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Usage:
    """The operations on plans and keys; every change is served at once."""

    catalog: Catalog
    patches: Patches
    releases: Releases

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateUsagePlan": self._create_plan,
            "GetUsagePlan": self._get_plan,
            "GetUsagePlans": self._list_plans,
            "UpdateUsagePlan": self._update_plan,
            "DeleteUsagePlan": self._delete_plan,
            "CreateUsagePlanKey": self._join,
            "GetUsagePlanKey": self._get_member,
            "GetUsagePlanKeys": self._list_members,
            "DeleteUsagePlanKey": self._leave,
            "CreateApiKey": self._create_key,
            "GetApiKey": self._get_key,
            "GetApiKeys": self._list_keys,
            "UpdateApiKey": self._update_key,
            "DeleteApiKey": self._delete_key,
        }

    @contextmanager
    def _changing(self) -> Iterator[Row]:
        """Give the account's rows to change; what no stage could serve is refused before it is kept."""
        with self.catalog.changing_account() as account:
            yield account
            changed = self.releases.replanned(account["usage_plans"])
        self.releases.refresh(changed)

    # --- plans ----------------------------------------------------------------------------------------------

    async def _create_plan(self, asked: Members) -> Members:
        row = {"apiStages": [], "tags": {}, **given(asked), "id": new_id(6), "keys": []}
        with self._changing() as account:
            self._check_plan(row, account)
            account["usage_plans"][row["id"]] = row
        return _plan(row)

    async def _get_plan(self, asked: Members) -> Members:
        return _plan(self._plan(self.catalog.account, asked))

    async def _list_plans(self, asked: Members) -> Members:
        rows = self.catalog.account["usage_plans"].values()
        of = asked.get("keyId")
        return page([row for row in rows if of is None or of in row["keys"]], asked, _plan)

    async def _update_plan(self, asked: Members) -> Members:
        with self._changing() as account:
            row = self._plan(account, asked)
            others = [one for one in asked.get("patchOperations", []) if not _patch_stage(row, one)]
            self.patches.apply(row, "UsagePlan", others, ("tags",))
            for part in ("throttle", "quota"):
                if row.get(part) == {}:
                    del row[part]
            self._check_plan(row, account)
        return _plan(row)

    async def _delete_plan(self, asked: Members) -> Members:
        with self._changing() as account:
            row = self._plan(account, asked)
            if row["apiStages"]:
                first = "{apiId}:{stage}".format(**row["apiStages"][0])
                raise bad(
                    f"Cannot delete Usage Plan {row['id']} because there are API Stages associated with it, "
                    f"including {first}"
                )
            del account["usage_plans"][row["id"]]
        return {}

    def _check_plan(self, row: Row, account: Row) -> None:
        _check_limits(row)
        named = [(stage.get("apiId", ""), stage.get("stage", "")) for stage in row["apiStages"]]
        for api_id, stage in named:
            if stage not in self.catalog.api(api_id)["stages"]:
                raise ControlError("NotFoundException", f"API Stage not found: {api_id}:{stage}", 404)
        if len(set(named)) < len(named):
            raise bad("A usage plan has each API stage once")
        for key_id in row["keys"]:
            _check_alone(key_id, row, account)

    @staticmethod
    def _plan(account: Row, asked: Members) -> Row:
        return found(account["usage_plans"], asked["usagePlanId"], "Usage Plan")

    # --- keys of a plan -------------------------------------------------------------------------------------

    async def _join(self, asked: Members) -> Members:
        if asked["keyType"] != "API_KEY":
            raise bad("Invalid key type specified: the only one is API_KEY")
        with self._changing() as account:
            row, key = self._plan(account, asked), found(account["api_keys"], asked["keyId"], "API Key")
            if key["id"] in row["keys"]:
                raise conflict(f"{key['id']} is already a key of this usage plan")
            row["keys"].append(key["id"])
            _check_alone(key["id"], row, account)
        return _member(key)

    async def _get_member(self, asked: Members) -> Members:
        return _member(self._membership(self.catalog.account, asked))

    async def _list_members(self, asked: Members) -> Members:
        keys = self.catalog.account["api_keys"]
        mine = [keys[key_id] for key_id in self._plan(self.catalog.account, asked)["keys"]]
        prefix = asked.get("nameQuery", "")
        return page([key for key in mine if key.get("name", "").startswith(prefix)], asked, _member)

    async def _leave(self, asked: Members) -> Members:
        with self._changing() as account:
            key = self._membership(account, asked)
            self._plan(account, asked)["keys"].remove(key["id"])
        return {}

    def _membership(self, account: Row, asked: Members) -> Row:
        key = found(account["api_keys"], asked["keyId"], "API Key")
        if key["id"] not in self._plan(account, asked)["keys"]:
            raise ControlError("NotFoundException", "Invalid API Key identifier specified for this usage plan", 404)
        return key

    # --- keys -----------------------------------------------------------------------------------------------

    async def _create_key(self, asked: Members) -> Members:
        now = self.catalog.now()
        made = {"id": new_id(), "value": new_id(_MADE_LENGTH), "enabled": False, "createdDate": now}
        row = {**made, "stageKeys": [], "tags": {}, **given(asked, "generateDistinctId"), "lastUpdatedDate": now}
        if asked.get("stageKeys"):
            raise bad("stageKeys are not served here: put the key under a usage plan")
        if len(row["value"]) not in VALUE_LENGTHS:
            raise bad("API Key value should be 20 to 128 characters")
        with self.catalog.changing_account() as account:
            if any(other["value"] == row["value"] for other in account["api_keys"].values()):
                raise conflict("API Key already exists")
            account["api_keys"][row["id"]] = row
        return row

    async def _get_key(self, asked: Members) -> Members:
        row = found(self.catalog.account["api_keys"], asked["apiKey"], "API Key")
        return _key(row, with_value=asked.get("includeValue", False))

    async def _list_keys(self, asked: Members) -> Members:
        prefix, with_value = asked.get("nameQuery", ""), asked.get("includeValues", False)
        of = asked.get("customerId")
        rows = [
            row
            for row in self.catalog.account["api_keys"].values()
            if row.get("name", "").startswith(prefix) and of in (None, row.get("customerId"))
        ]
        return page(rows, asked, lambda row: _key(row, with_value=with_value))

    async def _update_key(self, asked: Members) -> Members:
        with self._changing() as account:
            row = found(account["api_keys"], asked["apiKey"], "API Key")
            self.patches.apply(row, "ApiKey", asked.get("patchOperations", []), ("value", "stageKeys", "tags"))
            row["lastUpdatedDate"] = self.catalog.now()
        return _key(row, with_value=False)

    async def _delete_key(self, asked: Members) -> Members:
        with self._changing() as account:
            found(account["api_keys"], asked["apiKey"], "API Key")
            del account["api_keys"][asked["apiKey"]]
            for plan in account["usage_plans"].values():
                plan["keys"] = [key_id for key_id in plan["keys"] if key_id != asked["apiKey"]]
        return {}


def _plan(row: Row) -> Row:
    return given(row, "keys")


def _member(key: Row) -> Row:
    return given({"id": key["id"], "type": "API_KEY", "name": key.get("name"), "value": key["value"]})


def _key(row: Row, *, with_value: bool) -> Row:
    return row if with_value else given(row, "value")


def _check_limits(row: Row) -> None:
    """Limits that are none, or that nothing could be held to."""
    quota = row.get("quota")
    if quota is not None and not {"limit", "period"} <= quota.keys():
        raise bad("Usage Plan quota must have a limit and a period")
    if quota is not None and not (quota["limit"] > 0 and quota.get("offset", 0) in OFFSETS[quota["period"]]):
        most = OFFSETS[quota["period"]][-1]
        raise bad(f"Usage Plan quota limit must be above 0, its offset 0 to {most} in the {quota['period']} period")
    throttles = [row.get("throttle", {})]
    throttles += [one for stage in row["apiStages"] for one in stage.get("throttle", {}).values()]
    if any(value < 0 for throttle in throttles for value in throttle.values()):
        raise bad("Usage Plan rate and burst limits must not be negative")


def _check_alone(key_id: str, row: Row, account: Row) -> None:
    """Two plans for one stage would leave open which one a key counts against."""
    mine = {(one["apiId"], one["stage"]) for one in row["apiStages"]}
    for other in account["usage_plans"].values():
        theirs = {(one["apiId"], one["stage"]) for one in other["apiStages"]}
        if other["id"] != row["id"] and key_id in other["keys"] and mine & theirs:
            raise conflict(
                f"Usage Plan {row['id']} cannot be added because API Key {key_id} cannot reference multiple Usage "
                "Plans with the same API stage"
            )


def _patch_stage(row: Row, patch: Mapping[str, str]) -> bool:
    """Apply a patch of a plan's stages or of their methods' limits; tell whether it was one."""
    path = parts(patch.get("path", ""))
    if not path or path[0] != "apiStages":
        return False
    if len(path) == 1:
        _patch_stages(row, patch)
        return True
    named = _STAGE_OF_A_PLAN.fullmatch(path[1])
    stages = [one for one in row["apiStages"] if named and (one["apiId"], one["stage"]) == named.groups()]
    if not stages or len(path) < 5 or path[2] != "throttle":
        raise invalid(patch)
    limits, last = stages[0].setdefault("throttle", {}), path[-1]
    # The resource is written `~1v1~1payments`, and by some as it is, with its slashes.
    method = "/".join(path[3:-1] if last in _LIMITS else path[3:])
    if patch.get("op") == "remove":
        limits.pop(method, None)
    elif last in _LIMITS:
        limits.setdefault(method, {})[last] = typed(_LIMITS[last], patch.get("value", ""), patch["path"])
    else:
        raise invalid(patch)
    return True


def _patch_stages(row: Row, patch: Mapping[str, str]) -> None:
    named = _STAGE_OF_A_PLAN.fullmatch(patch.get("value", ""))
    if named is None or patch.get("op") not in ("add", "remove"):
        raise bad("apiStages takes add and remove with a value of apiId:stage")
    row["apiStages"] = [one for one in row["apiStages"] if (one["apiId"], one["stage"]) != named.groups()]
    if patch.get("op") == "add":
        row["apiStages"].append({"apiId": named[1], "stage": named[2]})
