"""Deployments and stages: a picture of an API, and what of it is served under which name and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given, new_id, page
from emulator.control.apis.export import export
from emulator.control.apis.live import Live
from emulator.control.apis.patch import Patches, parts, typed
from emulator.control.operation import Members, Operation
from emulator.definition import Deployment
from emulator.yaml_source import DefinitionError

_STAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STAGE_MEMBERS: Final = ("stageName", "deploymentId", "description", "variables", "tracingEnabled", "tags")
_NOT_SERVED: Final = ("canarySettings", "cacheClusterSize", "documentationVersion")
_SETTINGS: Final = {
    "throttling/burstLimit": ("throttlingBurstLimit", "integer"),
    "throttling/rateLimit": ("throttlingRateLimit", "double"),
    "metrics/enabled": ("metricsEnabled", "boolean"),
    "logging/loglevel": ("loggingLevel", "string"),
    "logging/dataTrace": ("dataTraceEnabled", "boolean"),
}
"""Method settings by their patch paths; caching is not served."""


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
            }
            self.catalog.kept.write(_kind(record, row["id"]), export(record))
            record["deployments"][row["id"]] = row
            try:
                shown = self._deployed(record, row["id"], asked)
            except BaseException:
                self.catalog.kept.remove(_kind(record, row["id"]))
                raise
        self._show(record, shown)
        return row

    def _deployed(self, record: Row, deployment_id: str, asked: Members) -> Deployment:
        """The stage that the deployment goes to, made where there is none; without one it is only looked at."""
        name = asked.get("stageName", "")
        described = {"description": asked.get("stageDescription"), "deploymentId": deployment_id}
        changed = given(
            {**described, "variables": asked.get("variables"), "tracingEnabled": asked.get("tracingEnabled")}
        )
        if not name:
            return self._read(record, {"stageName": "unnamed", **changed})
        before = record["stages"].get(name) or self._new_stage(name)
        record["stages"][name] = {**before, **changed, "lastUpdatedDate": self.catalog.now()}
        return self._read(record, record["stages"][name])

    async def _get_deployment(self, asked: Members) -> Members:
        return found(self.catalog.api(asked["restApiId"])["deployments"], asked["deploymentId"], "Deployment")

    async def _list_deployments(self, asked: Members) -> Members:
        return page(list(self.catalog.api(asked["restApiId"])["deployments"].values()), asked)

    async def _update_deployment(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["deployments"], asked["deploymentId"], "Deployment")
            self.patches.apply(row, "Deployment", asked.get("patchOperations", []), ("apiSummary",))
        return row

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
            record["stages"][row["stageName"]] = row
            shown = self._read(record, row)
        self._show(record, shown)
        return row

    async def _get_stage(self, asked: Members) -> Members:
        return found(self.catalog.api(asked["restApiId"])["stages"], asked["stageName"], "stage")

    async def _list_stages(self, asked: Members) -> Members:
        rows = self.catalog.api(asked["restApiId"])["stages"].values()
        of = asked.get("deploymentId")
        return {"item": [row for row in rows if of is None or row["deploymentId"] == of]}

    async def _update_stage(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["stages"], asked["stageName"], "stage")
            others = [one for one in asked.get("patchOperations", []) if not _patch_setting(row, one)]
            self.patches.apply(row, "Stage", others, ("methodSettings", "tags", "cacheClusterEnabled", *_NOT_SERVED))
            row["lastUpdatedDate"] = self.catalog.now()
            shown = self._read(record, row)
        self._show(record, shown)
        return row

    async def _delete_stage(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            found(record["stages"], asked["stageName"], "stage")
            del record["stages"][asked["stageName"]]
        await self.live.withdraw((asked["restApiId"], asked["stageName"]))
        return {}

    async def _flush(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        self._show(record, self._read(record, found(record["stages"], asked["stageName"], "stage")))
        return {}

    # --- what is served -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Serve every stage that was deployed before."""
        for record in self.catalog.apis.values():
            for row in record["stages"].values():
                self._show(record, self._read(record, row))

    def refresh(self) -> None:
        """Serve every stage with the usage plans and keys of now."""
        for record in self.catalog.apis.values():
            for row in record["stages"].values():
                key = (record["api"]["id"], row["stageName"])
                self._write_keys(key)
                shown, before = self._read(record, row), self.live.served(key)
                if before is None or before.plans != shown.plans:
                    self._show(record, shown)

    async def withdraw(self, record: Row) -> None:
        """Serve nothing of an API that is gone."""
        for name in record["stages"]:
            await self.live.withdraw((record["api"]["id"], name))
        for deployment_id in record["deployments"]:
            self.catalog.kept.remove(_kind(record, deployment_id))

    def _read(self, record: Row, row: Row) -> Deployment:
        found(record["deployments"], row["deploymentId"], "Deployment")
        file = Path(self.catalog.kept.folder) / f"{_kind(record, row['deploymentId'])}.json"
        try:
            return self.live.read(record, row, self.catalog.account["usage_plans"], file)
        except DefinitionError as error:
            # The file is ours, and means nothing to who asked.
            raise bad(f"This cannot be deployed here: {str(error).removeprefix(f'{file}:')}") from error

    def _show(self, record: Row, deployment: Deployment) -> None:
        if deployment.stage.name not in record["stages"]:
            return
        self._write_keys((deployment.api_id, deployment.stage.name))
        self.live.show(record, deployment, logged=bool(deployment.stage.access_log))

    def _write_keys(self, key: tuple[str, str]) -> None:
        keys, rows = self.catalog.account["api_keys"], []
        for plan in self.catalog.account["usage_plans"].values():
            if any((one.get("apiId"), one.get("stage")) == key for one in plan.get("apiStages", ())):
                mine = [keys[key_id] for key_id in plan.get("keys", ()) if key_id in keys]
                rows += [
                    {"id": one["id"], "value": one["value"], "plan": plan["id"], "enabled": one["enabled"]}
                    for one in mine
                ]
        self.live.write_keys(key, rows)


def _kind(record: Row, deployment_id: str) -> str:
    return f"api-{record['api']['id']}-deployment-{deployment_id}"


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


def _patch_setting(row: Row, patch: Mapping[str, str]) -> bool:
    """Apply a patch of a method's setting, `/~1v1~1payments/GET/throttling/rateLimit`; tell whether it was one."""
    path = parts(patch.get("path", ""))
    if len(path) not in (2, 4) or path[0] in ("variables", "accessLogSettings", "tags"):
        return False
    name = f"{path[0].replace('/', '~1')}/{path[1]}"
    if len(path) == 2:
        if patch.get("op") != "remove":
            raise bad(f"Invalid patch path  '{patch['path']}' specified for op '{patch.get('op')}'.")
        row["methodSettings"].pop(name, None)
        return True
    setting = _SETTINGS.get(f"{path[2]}/{path[3]}")
    if setting is None or patch.get("op") not in ("replace", "add"):
        raise bad(f"Invalid method setting path: {patch['path']}")
    settings = row["methodSettings"].setdefault(name, {})
    settings[setting[0]] = typed(setting[1], patch.get("value", ""), patch["path"])
    return True
