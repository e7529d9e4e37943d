"""Deployments and stages: a picture of an API, and what of it is served under which name and limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jsonschema_rs import ReferencingError

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given, new_id, page
from emulator.control.apis.export import export
from emulator.control.apis.live import Key, Live
from emulator.control.apis.method_settings import patch_setting, settings_shown
from emulator.control.apis.patch import Patches
from emulator.control.operation import Members, Operation
from emulator.gateway.chain import Gateway
from emulator.stages import VARIABLE_NAME, VARIABLE_VALUE
from emulator.yaml_source import DefinitionError

_STAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STAGE_MEMBERS: Final = ("stageName", "deploymentId", "description", "variables", "tracingEnabled", "tags")
_NOT_SERVED: Final = ("canarySettings", "cacheClusterSize", "documentationVersion")
_NOT_PATCHED: Final = (
    *_NOT_SERVED,
    "methodSettings",
    "tags",
    "cacheClusterEnabled",
    "cacheClusterStatus",
    "webAclArn",
    "clientCertificateId",
)


_DEFAULTS: Final = {"cacheClusterEnabled": False, "cacheClusterStatus": "NOT_AVAILABLE", "tracingEnabled": False}


@dataclass(frozen=True, slots=True)
class Releases:
    """The operations on deployments and stages."""

    catalog: Catalog
    patches: Patches
    live: Live

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateDeployment": self._create_deployment,
            "GetDeployment": self._get_deployment,
            "GetDeployments": self._list_deployments,
            "UpdateDeployment": self._update_deployment,
            "DeleteDeployment": self._delete_deployment,
            "CreateStage": self._create_stage,
            "GetStage": self._get_stage,
            "GetStages": self._list_stages,
            "UpdateStage": self._update_stage,
            "DeleteStage": self._delete_stage,
            "FlushStageAuthorizersCache": self._flush,
        }

    # --- deployments ----------------------------------------------------------------------------------------

    async def _create_deployment(self, asked: Members) -> Members:
        _check_served(asked)
        with self.catalog.changing(asked["restApiId"]) as record:
            _check_complete(record)
            row = {
                "id": new_id(6),
                "createdDate": self.catalog.now(),
                **given({"description": asked.get("description")}),
                "apiSummary": _summary(record),
            }
            self.catalog.kept.write(_kind(record, row["id"]), export(record))
            record["deployments"][row["id"]] = row
            try:
                shown = self._deployed(record, row["id"], asked)
            except BaseException:
                self.catalog.kept.remove(_kind(record, row["id"]))
                raise
        if shown is not None:
            self._show(shown)
        return given(row, "apiSummary")

    def _deployed(self, record: Row, deployment_id: str, asked: Members) -> Gateway | None:
        """The stage that the deployment goes to, made where there is none; without one it is only looked at."""
        name = asked.get("stageName", "")
        described = {"description": asked.get("stageDescription"), "deploymentId": deployment_id}
        changed = given(
            {**described, "variables": asked.get("variables"), "tracingEnabled": asked.get("tracingEnabled")}
        )
        if not name:
            if b"${stageVariables." not in self._picture(record, deployment_id).read_bytes():
                self._ready(record, {"stageName": "unnamed", **changed})
            return None  # what names variables is looked at with the stage that has them
        before = record["stages"].get(name) or self._new_stage(name)
        record["stages"][name] = {**before, **changed, "lastUpdatedDate": self.catalog.now()}
        _check_variables(record["stages"][name])
        return self._ready(record, record["stages"][name])

    async def _get_deployment(self, asked: Members) -> Members:
        row = found(self.catalog.api(asked["restApiId"])["deployments"], asked["deploymentId"], "Deployment")
        return row if "apisummary" in asked.get("embed", ()) else given(row, "apiSummary")

    async def _list_deployments(self, asked: Members) -> Members:
        rows = self.catalog.api(asked["restApiId"])["deployments"].values()
        return page(list(rows), asked, lambda row: given(row, "apiSummary"))

    async def _update_deployment(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["deployments"], asked["deploymentId"], "Deployment")
            self.patches.apply(row, "Deployment", asked.get("patchOperations", []), ("apiSummary",))
        return given(row, "apiSummary")

    async def _delete_deployment(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            found(record["deployments"], asked["deploymentId"], "Deployment")
            if any(stage["deploymentId"] == asked["deploymentId"] for stage in record["stages"].values()):
                raise bad("Active stages pointing to this deployment must be moved or deleted")
            del record["deployments"][asked["deploymentId"]]
        self.catalog.kept.remove(_kind(record, asked["deploymentId"]))
        return {}

    def definition(self, record: Row, deployment_id: str) -> dict[str, Any]:
        """Return the picture that a deployment keeps."""
        return self.catalog.kept.read(_kind(record, deployment_id))

    # --- stages ---------------------------------------------------------------------------------------------

    def _new_stage(self, name: str) -> Row:
        if not _STAGE_NAME.fullmatch(name):
            raise bad("Stage name only allows a-zA-Z0-9_-")
        now = self.catalog.now()
        return {"stageName": name, "methodSettings": {}, "createdDate": now, "lastUpdatedDate": now, "tags": {}}

    async def _create_stage(self, asked: Members) -> Members:
        _check_served(asked)
        with self.catalog.changing(asked["restApiId"]) as record:
            if asked["stageName"] in record["stages"]:
                raise conflict("Stage already exists")
            row = self._new_stage(asked["stageName"]) | {name: asked[name] for name in _STAGE_MEMBERS if name in asked}
            _check_variables(row)
            record["stages"][row["stageName"]] = row
            shown = self._ready(record, row)
        self._show(shown)
        return _stage(row)

    async def _get_stage(self, asked: Members) -> Members:
        return _stage(found(self.catalog.api(asked["restApiId"])["stages"], asked["stageName"], "stage"))

    async def _list_stages(self, asked: Members) -> Members:
        rows = self.catalog.api(asked["restApiId"])["stages"].values()
        of = asked.get("deploymentId")
        return {"item": [_stage(row) for row in rows if of is None or row["deploymentId"] == of]}

    async def _update_stage(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["stages"], asked["stageName"], "stage")
            others = [one for one in asked.get("patchOperations", []) if not patch_setting(row, one)]
            self.patches.apply(row, "Stage", others, _NOT_PATCHED)
            _check_variables(row)
            row["lastUpdatedDate"] = self.catalog.now()
            shown = self._ready(record, row)
        self._show(shown)
        return _stage(row)

    async def _delete_stage(self, asked: Members) -> Members:
        api_id, name = asked["restApiId"], asked["stageName"]
        found(self.catalog.api(api_id)["stages"], name, "stage")
        self._leave_plans(api_id, name)
        with self.catalog.changing(api_id) as record:
            del record["stages"][name]
        self.live.withdraw((api_id, name))
        return {}

    async def _flush(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        self._show(self._ready(record, found(record["stages"], asked["stageName"], "stage")))
        return {}

    # --- what is served -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Serve every stage that was deployed before."""
        for record in self.catalog.apis.values():
            for row in record["stages"].values():
                self._show(self._ready(record, row))

    def replanned(self, plans: Mapping[str, Row]) -> list[Gateway]:
        """Gateways for the stages that other usage plans are about to change; ControlError if one would not stand."""
        try:
            found = [self.live.replanned(key, plans) for key in self._stages()]
        except DefinitionError as error:
            raise bad(f"Invalid usage plan: {error}") from error
        return [gateway for gateway in found if gateway is not None]

    def refresh(self, changed: Sequence[Gateway] = ()) -> None:
        """Serve every stage with the keys of now, and these gateways in the place of those before."""
        for key in self._stages():
            self._write_keys(key)
        for gateway in changed:
            self.live.show(gateway)

    def _stages(self) -> list[Key]:
        return [(api_id, name) for api_id, record in self.catalog.apis.items() for name in record["stages"]]

    def withdraw(self, api_id: str) -> None:
        """Serve an API no more, and forget it."""
        record = self.catalog.api(api_id)
        for name in record["stages"]:
            self._leave_plans(api_id, name)
        self.catalog.drop(api_id)
        for name in record["stages"]:
            self.live.withdraw((api_id, name))
        for deployment_id in record["deployments"]:
            self.catalog.kept.remove(_kind(record, deployment_id))

    def _leave_plans(self, api_id: str, name: str) -> None:
        """Take a stage out of the usage plans: none names one that is not there."""
        if not any(_names(stage, api_id, name) for plan in self._plans() for stage in plan["apiStages"]):
            return
        with self.catalog.changing_account() as account:
            for plan in account["usage_plans"].values():
                plan["apiStages"] = [stage for stage in plan["apiStages"] if not _names(stage, api_id, name)]

    def _plans(self) -> Iterable[Row]:
        plans: Mapping[str, Row] = self.catalog.account["usage_plans"]
        return plans.values()

    def _picture(self, record: Row, deployment_id: str) -> Path:
        return self.catalog.kept.folder / f"{_kind(record, deployment_id)}.json"

    def _ready(self, record: Row, row: Row) -> Gateway:
        """A gateway for a stage as it stands in a record; ControlError for what would not be enforced."""
        found(record["deployments"], row.get("deploymentId", ""), "Deployment")
        file = self._picture(record, row["deploymentId"])
        try:
            return self.live.ready(record, row, self.catalog.account["usage_plans"], file)
        except (DefinitionError, ValueError, ReferencingError) as error:
            # The file is ours, and means nothing to who asked.
            raise bad(f"This cannot be deployed here: {str(error).removeprefix(f'{file}:')}") from error

    def _show(self, gateway: Gateway) -> None:
        self._write_keys((gateway.deployment.api_id, gateway.deployment.stage.name))
        self.live.show(gateway)

    def _write_keys(self, key: tuple[str, str]) -> None:
        keys, rows = self.catalog.account["api_keys"], []
        for plan in self._plans():
            if any(_names(stage, *key) for stage in plan["apiStages"]):
                mine = [keys[key_id] for key_id in plan["keys"]]
                rows += [
                    {"id": one["id"], "value": one["value"], "plan": plan["id"], "enabled": one["enabled"]}
                    for one in mine
                ]
        self.live.write_keys(key, rows)


def _kind(record: Row, deployment_id: str) -> str:
    return f"api-{record['api']['id']}-deployment-{deployment_id}"


def _names(stage: Row, api_id: str, name: str) -> bool:
    return (stage["apiId"], stage["stage"]) == (api_id, name)


def _summary(record: Row) -> Row:
    """What `embed=apisummary` tells of a deployment: how each method was fenced."""
    return {
        resource["path"]: {
            verb: {name: method[name] for name in ("authorizationType", "apiKeyRequired")}
            for verb, method in resource["resourceMethods"].items()
        }
        for resource in record["resources"].values()
        if resource["resourceMethods"]
    }


def _check_variables(row: Row) -> None:
    """A variable is put into the definition as it is: it must not be able to say more than a name."""
    for name, value in row.get("variables", {}).items():
        if not (VARIABLE_NAME.fullmatch(name) and VARIABLE_VALUE.fullmatch(value)):
            raise bad(f"Stage variable {name!r}: names take a-zA-Z0-9_, values these and -.~:/?#&=,")


def _stage(row: Row) -> Row:
    """A stage as answers have it."""
    return {**_DEFAULTS, **row, "methodSettings": settings_shown(row["methodSettings"])}


def _check_served(asked: Members) -> None:
    for name in _NOT_SERVED:
        if asked.get(name):
            raise bad(f"{name} is not served here")
    if asked.get("cacheClusterEnabled"):
        raise bad("a cache is not served here")


def _check_complete(record: Row) -> None:
    methods = [
        (verb, resource["path"], method)
        for resource in record["resources"].values()
        for verb, method in resource["resourceMethods"].items()
    ]
    if not methods:
        raise bad("The REST API doesn't contain any methods")
    for verb, path, method in methods:
        if "methodIntegration" not in method:
            raise bad(f"No integration defined for method {verb} {path}")
