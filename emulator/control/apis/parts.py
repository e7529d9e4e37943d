"""What an API has beside its resources: authorizers, request validators, models and gateway responses."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given, new_id, page
from emulator.control.apis.patch import Patches
from emulator.control.errors import ControlError
from emulator.control.operation import Members, Operation
from emulator.gateway.errors import KINDS

_MODEL_NAME: Final = re.compile(r"[A-Za-z0-9]+")

Check = Callable[[Row, Row], Awaitable[None]]
"""Looks at a row before it is kept, with the record of its API; ControlError if it cannot be served."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of parts: `noun` in operations' names, `key` in its rows, `label` in requests; none patches `fixed`."""

    rows: str
    noun: str
    plural: str
    key: str
    label: str
    check: Check
    fixed: tuple[str, ...] = ()


async def _unchecked(_row: Row, _record: Row) -> None:
    """Nothing about it can be wrong that the model does not say."""


async def check_model(row: Row, _record: Row) -> None:
    """A model is a JSON Schema, and its name is letters and digits."""
    if not _MODEL_NAME.fullmatch(row["name"]):
        raise bad("Model name must be alphanumeric: " + row["name"])
    try:
        schema = json.loads(row.get("schema", "{}"))
    except ValueError as error:
        raise bad(f"Invalid model specified: the schema is no JSON: {error}") from error
    if not isinstance(schema, dict):
        raise bad("Invalid model specified: the schema is no object")


@dataclass(frozen=True, slots=True)
class Parts:
    """The operations of these kinds; `check_authorizer` asks an issuer for its documents, as AWS does."""

    catalog: Catalog
    patches: Patches
    check_authorizer: Check

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        kinds = (
            Kind("authorizers", "Authorizer", "Authorizers", "id", "authorizerId", self.check_authorizer),
            Kind("validators", "RequestValidator", "RequestValidators", "id", "requestValidatorId", _unchecked),
            Kind("models", "Model", "Models", "name", "modelName", check_model, ("name", "contentType")),
        )
        served: dict[str, Operation] = {}
        for kind in kinds:
            served |= self._of(kind)
        return served | {
            "PutGatewayResponse": self._put_response,
            "GetGatewayResponse": self._get_response,
            "GetGatewayResponses": self._get_responses,
            "UpdateGatewayResponse": self._update_response,
            "DeleteGatewayResponse": self._delete_response,
        }

    def _of(self, kind: Kind) -> dict[str, Operation]:
        async def create(asked: Members) -> Members:
            row = {"id": new_id(6), **given(asked, "restApiId")}
            with self.catalog.changing(asked["restApiId"]) as record:
                _check_name(kind, row, record)
                await kind.check(row, record)
                record[kind.rows][row[kind.key]] = row
            return row

        async def get(asked: Members) -> Members:
            return found(self.catalog.api(asked["restApiId"])[kind.rows], asked[kind.label], kind.noun)

        async def listed(asked: Members) -> Members:
            return page(list(self.catalog.api(asked["restApiId"])[kind.rows].values()), asked)

        async def update(asked: Members) -> Members:
            with self.catalog.changing(asked["restApiId"]) as record:
                row = found(record[kind.rows], asked[kind.label], kind.noun)
                self.patches.apply(row, kind.noun, asked.get("patchOperations", []), kind.fixed)
                _check_name(kind, row, record)
                await kind.check(row, record)
            return row

        async def delete(asked: Members) -> Members:
            with self.catalog.changing(asked["restApiId"]) as record:
                row = found(record[kind.rows], asked[kind.label], kind.noun)
                _check_unused(kind, row, record)
                del record[kind.rows][row[kind.key]]
            return {}

        return {
            f"Create{kind.noun}": create,
            f"Get{kind.noun}": get,
            f"Get{kind.plural}": listed,
            f"Update{kind.noun}": update,
            f"Delete{kind.noun}": delete,
        }

    # --- gateway responses ----------------------------------------------------------------------------------

    async def _put_response(self, asked: Members) -> Members:
        row = {"defaultResponse": False, **given(asked, "restApiId")}
        with self.catalog.changing(asked["restApiId"]) as record:
            record["gateway_responses"][asked["responseType"]] = row
        return _response(record, asked["responseType"])

    async def _get_response(self, asked: Members) -> Members:
        return _response(self.catalog.api(asked["restApiId"]), asked["responseType"])

    async def _get_responses(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        # Unlike other lists it has room for all of them at once.
        return page([_response(record, kind) for kind in KINDS], {"limit": len(KINDS), **asked})

    async def _update_response(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = _response(record, asked["responseType"]) | {"defaultResponse": False}
            self.patches.apply(row, "GatewayResponse", asked.get("patchOperations", []), ("responseType",))
            record["gateway_responses"][asked["responseType"]] = row
        return row

    async def _delete_response(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            if record["gateway_responses"].pop(asked["responseType"], None) is None:
                raise ControlError("NotFoundException", "Gateway response type not defined on api", 404)
        return {}


def _response(record: Row, kind: str) -> Row:
    """A gateway response as it is set, else by AWS's default; DEFAULT_4XX leaves each refusal its status."""
    default = {
        "responseType": kind,
        **({} if kind.startswith("DEFAULT_") else {"statusCode": str(KINDS[kind].status)}),
        "responseParameters": {},
        "responseTemplates": {"application/json": '{"message":$context.error.messageString}'},
        "defaultResponse": True,
    }
    return {**default, **record["gateway_responses"].get(kind, {})}


def _check_name(kind: Kind, row: Row, record: Row) -> None:
    """Names are unique among authorizers, and among models."""
    if kind.rows == "validators":
        return
    if any(other["name"] == row["name"] and other["id"] != row["id"] for other in record[kind.rows].values()):
        raise conflict(f"{kind.noun} name already exists: {row['name']}")


def _check_unused(kind: Kind, row: Row, record: Row) -> None:
    for resource in record["resources"].values():
        for verb, method in resource["resourceMethods"].items():
            if _uses(method, kind, row):
                name = row.get("name", row["id"])
                raise conflict(f"Cannot delete {kind.noun} '{name}', is referenced in {verb} {resource['path']}")


def _uses(method: Mapping[str, Any], kind: Kind, row: Row) -> bool:
    match kind.rows:
        case "authorizers":
            return bool(method.get("authorizerId") == row["id"])
        case "validators":
            return bool(method.get("requestValidatorId") == row["id"])
    answers = [response.get("responseModels", {}) for response in method.get("methodResponses", {}).values()]
    return any(row["name"] in models.values() for models in (method.get("requestModels", {}), *answers))
