"""REST APIs as a whole: made empty or from a definition, edited, exported, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
import yaml

from emulator.control.apis.catalog import PARTS, Catalog, Row, bad, found, given, new_id, page
from emulator.control.apis.export import X
from emulator.control.apis.imports import document, put
from emulator.control.apis.methods import check_integration, check_method
from emulator.control.apis.parts import Check, check_model
from emulator.control.apis.patch import Patches
from emulator.control.apis.releases import Releases
from emulator.control.operation import Members, Operation

# What an import in the mode `overwrite` starts without.
_REPLACED: Final = ("authorizers", "validators", "models", "gateway_responses")


@dataclass(frozen=True, slots=True)
class RestApis:
    """The operations on whole APIs; what a deleted one served is served no more."""

    catalog: Catalog
    patches: Patches
    releases: Releases
    check_authorizer: Check

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateRestApi": self._create,
            "GetRestApi": self._get,
            "GetRestApis": self._list,
            "UpdateRestApi": self._update,
            "DeleteRestApi": self._delete,
            "ImportRestApi": self._import,
            "PutRestApi": self._put,
            "GetExport": self._export,
        }

    async def _create(self, asked: Members) -> Members:
        if asked.get("cloneFrom"):
            raise bad("cloneFrom is not served here: export the other API and import it")
        record = self._empty(given(asked))
        self.catalog.add(record)
        return _shown(record)

    def _empty(self, row: Row) -> Row:
        root = new_id()
        defaults = {
            "apiKeySource": "HEADER",
            "endpointConfiguration": {"types": ["EDGE"]},
            "disableExecuteApiEndpoint": False,
            "tags": {},
        }
        api = {**defaults, **row, "id": new_id(), "createdDate": self.catalog.now(), "rootResourceId": root}
        resources = {root: {"id": root, "path": "/", "resourceMethods": {}}}
        return {"api": api, **{part: {} for part in PARTS}, "resources": resources}

    async def _get(self, asked: Members) -> Members:
        return _shown(self.catalog.api(asked["restApiId"]))

    async def _list(self, asked: Members) -> Members:
        return page(list(self.catalog.apis.values()), asked, _shown)

    async def _update(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            self.patches.apply(record["api"], "RestApi", asked.get("patchOperations", []), ("tags",))
        return _shown(record)

    async def _delete(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        self.catalog.drop(asked["restApiId"])
        await self.releases.withdraw(record)
        return {}

    async def _import(self, asked: Members) -> Members:
        definition = document(asked["body"])
        record = self._empty({"name": definition.get("info", {}).get("title", "imported")})
        kinds = asked.get("parameters", {}).get("endpointConfigurationTypes")
        if kinds:
            record["api"]["endpointConfiguration"] = {"types": kinds.split(",")}
        put(record, definition)
        await self._check(record)
        self.catalog.add(record)
        return _shown(record)

    async def _put(self, asked: Members) -> Members:
        definition = document(asked["body"])
        with self.catalog.changing(asked["restApiId"]) as record:
            if asked.get("mode", "merge") == "overwrite":
                for part in _REPLACED:
                    record[part] = {}
                root = record["resources"][record["api"]["rootResourceId"]] | {"resourceMethods": {}}
                record["resources"] = {root["id"]: root}
            put(record, definition)
            await self._check(record)
        return _shown(record)

    async def _check(self, record: Row) -> None:
        """Hold what a definition brought to what the single operations would have refused."""
        for authorizer in record["authorizers"].values():
            await self.check_authorizer(authorizer, record)
        for model in record["models"].values():
            await check_model(model, record)
        for resource in record["resources"].values():
            for method in resource["resourceMethods"].values():
                check_method(method, record)
                if "methodIntegration" in method:
                    check_integration(method["methodIntegration"])

    async def _export(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        stage = found(record["stages"], asked["stageName"], "stage")
        if asked["exportType"] != "oas30":
            raise bad(f"Export type {asked['exportType']} is not served here: use oas30")
        definition = self.releases.definition(record, stage["deploymentId"])
        if asked.get("parameters", {}).get("extensions") != "apigateway":
            definition = _without_extensions(definition)
        kind = asked.get("accepts", "application/json")
        as_yaml = kind == "application/yaml"
        body = yaml.safe_dump(definition, sort_keys=False).encode() if as_yaml else orjson.dumps(definition)
        return {"body": body, "contentType": kind, "contentDisposition": 'attachment; filename="api"'}


def _shown(record: Row) -> Row:
    row: Row = record["api"]
    return row


def _without_extensions(value: object) -> Row:
    """The definition for those who know no API Gateway."""
    return _plain(value)  # type: ignore[return-value]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if not str(key).startswith(X)}
    return [_plain(one) for one in value] if isinstance(value, list) else value
