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

_LARGEST_BYTES: Final = 10_485_760
_DRAFT: Final = "http://json-schema.org/draft-04/schema#"
_SHAPES: Final = {
    "authorizers": "Authorizer",
    "validators": "RequestValidator",
    "models": "Model",
    "gateway_responses": "GatewayResponse",
}
# What API Gateway writes and nobody sets.
_OURS: Final = ("warnings", "apiStatus", "apiStatusMessage", "version")
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
        _check_api(record["api"])
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
        return {"api": api, **{part: {} for part in PARTS}, "resources": resources, "models": _first_models()}

    async def _get(self, asked: Members) -> Members:
        return _shown(self.catalog.api(asked["restApiId"]))

    async def _list(self, asked: Members) -> Members:
        return page(list(self.catalog.apis.values()), asked, _shown)

    async def _update(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            self.patches.apply(record["api"], "RestApi", asked.get("patchOperations", []), ("tags", *_OURS))
            _check_api(record["api"])
        return _shown(record)

    async def _delete(self, asked: Members) -> Members:
        self.releases.withdraw(asked["restApiId"])
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
                record["models"] = _first_models()
                root = record["resources"][record["api"]["rootResourceId"]] | {"resourceMethods": {}}
                record["resources"] = {root["id"]: root}
            put(record, definition)
            await self._check(record)
        return _shown(record)

    async def _check(self, record: Row) -> None:
        """Hold what a definition brought to what the single operations would have refused."""
        self.patches.check(record["api"], "RestApi")
        _check_api(record["api"])
        for part, shape in _SHAPES.items():
            for row in record[part].values():
                self.patches.check(row, shape)
        for authorizer in record["authorizers"].values():
            await self.check_authorizer(authorizer, record)
        for model in record["models"].values():
            await check_model(model, record)
        for resource in record["resources"].values():
            for method in resource["resourceMethods"].values():
                self.patches.check(method, "Method")
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


def _first_models() -> dict[str, Row]:
    """What every API begins with."""
    return {
        name: {"id": new_id(6), "name": name, "description": f"This is {told}", "contentType": "application/json"}
        | {"schema": orjson.dumps({"$schema": _DRAFT, "title": f"{name} Schema", **schema}).decode()}
        for name, told, schema in (
            ("Empty", "a default empty schema model", {"type": "object"}),
            (
                "Error",
                "a default error schema model",
                {"type": "object", "properties": {"message": {"type": "string"}}},
            ),
        )
    }


def _check_api(row: Row) -> None:
    """Refuse what would not be a fence: a policy that cannot be read, an endpoint that would still be there."""
    try:
        policy = orjson.loads(row.get("policy") or "{}")
    except orjson.JSONDecodeError as error:
        raise bad(f"Invalid policy document. Please check the policy syntax: {error}") from error
    if not isinstance(policy, dict):
        raise bad("Invalid policy document. Please check the policy syntax: an object is expected")
    if not 0 <= row.get("minimumCompressionSize", 0) <= _LARGEST_BYTES:
        raise bad(f"Invalid minimum compression size, must be between 0 and {_LARGEST_BYTES}")
    if row.get("disableExecuteApiEndpoint"):
        raise bad("disableExecuteApiEndpoint is not served here: the API would still be there")
    if "PRIVATE" in row["endpointConfiguration"].get("types", ()):
        raise bad("A PRIVATE endpoint is not served here: everybody on this machine would reach the API")


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
