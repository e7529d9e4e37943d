"""Methods, and what belongs to each: its responses, its integration, and the integration's responses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given
from emulator.control.apis.patch import Patches
from emulator.control.errors import ControlError
from emulator.control.operation import Members, Operation

VERBS: Final = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "ANY")
AUTHORIZERS: Final = {"CUSTOM": ("TOKEN", "REQUEST"), "JWT": ("JWT",)}
"""Which authorizers a method's authorization type takes."""

_PARAMETER: Final = re.compile(r"method\.request\.(?:path|querystring|header)\.[A-Za-z0-9._$-]+")
_PLACE: Final = ("restApiId", "resourceId", "httpMethod")
_INTEGRATION: Final[Row] = {
    "passthroughBehavior": "WHEN_NO_MATCH",
    "timeoutInMillis": 29_000,
    "cacheKeyParameters": [],
}
"""What API Gateway adds to an integration that does not say it."""


@dataclass(frozen=True, slots=True)
class Methods:
    """The operations on methods."""

    catalog: Catalog
    patches: Patches

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "PutMethod": self._put,
            "GetMethod": self._get,
            "UpdateMethod": self._update,
            "DeleteMethod": self._delete,
            "PutMethodResponse": self._put_response,
            "GetMethodResponse": self._get_response,
            "UpdateMethodResponse": self._update_response,
            "DeleteMethodResponse": self._delete_response,
            "PutIntegration": self._put_integration,
            "GetIntegration": self._get_integration,
            "UpdateIntegration": self._update_integration,
            "DeleteIntegration": self._delete_integration,
            "PutIntegrationResponse": self._put_integration_response,
            "GetIntegrationResponse": self._get_integration_response,
            "UpdateIntegrationResponse": self._update_integration_response,
            "DeleteIntegrationResponse": self._delete_integration_response,
        }

    # --- methods --------------------------------------------------------------------------------------------

    async def _put(self, asked: Members) -> Members:
        verb = asked["httpMethod"]
        if verb not in VERBS:
            raise bad(f"Invalid HTTP method specified: {verb}")
        row = {"apiKeyRequired": False, **given(asked, "restApiId", "resourceId")}
        with self.catalog.changing(asked["restApiId"]) as record:
            methods = found(record["resources"], asked["resourceId"], "Resource")["resourceMethods"]
            if verb in methods:
                raise conflict("Method already exists for this resource")
            check_method(row, record)
            methods[verb] = row
        return row

    async def _get(self, asked: Members) -> Members:
        return self._method(self.catalog.api(asked["restApiId"]), asked)

    async def _update(self, asked: Members) -> Members:
        with self._changing(asked) as (record, method):
            self.patches.apply(method, "Method", asked.get("patchOperations", []), ("methodIntegration",))
            check_method(method, record)
        return method

    async def _delete(self, asked: Members) -> Members:
        with self._changing(asked) as (record, _):
            del record["resources"][asked["resourceId"]]["resourceMethods"][asked["httpMethod"]]
        return {}

    # --- method responses -----------------------------------------------------------------------------------

    async def _put_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            responses = method.setdefault("methodResponses", {})
            if asked["statusCode"] in responses:
                raise conflict("Response already exists for this resource")
            responses[asked["statusCode"]] = given(asked, *_PLACE)
        return given(asked, *_PLACE)

    async def _get_response(self, asked: Members) -> Members:
        return _response(self._method(self.catalog.api(asked["restApiId"]), asked), "methodResponses", asked)

    async def _update_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            row = _response(method, "methodResponses", asked)
            self.patches.apply(row, "MethodResponse", asked.get("patchOperations", []))
        return row

    async def _delete_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            _response(method, "methodResponses", asked)
            del method["methodResponses"][asked["statusCode"]]
        return {}

    # --- integrations ---------------------------------------------------------------------------------------

    async def _put_integration(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            row = {**_INTEGRATION, "cacheNamespace": asked["resourceId"], **given(asked, *_PLACE)}
            row["httpMethod"] = row.pop("integrationHttpMethod", None)
            check_integration(row)
            before = method.get("methodIntegration", {})
            method["methodIntegration"] = given(row) | given(
                {"integrationResponses": before.get("integrationResponses")}
            )
        integration: Members = method["methodIntegration"]
        return integration

    async def _get_integration(self, asked: Members) -> Members:
        return _integration(self._method(self.catalog.api(asked["restApiId"]), asked))

    async def _update_integration(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            row = _integration(method)
            # The integration's own method is another member than the method's.
            renamed = [
                patch | {"path": "/integrationHttpMethod"} if patch.get("path") == "/httpMethod" else patch
                for patch in asked.get("patchOperations", [])
            ]
            for patch in [one for one in renamed if one.get("path") == "/integrationHttpMethod"]:
                row["httpMethod"] = patch.get("value", "")
            others = [one for one in renamed if one.get("path") != "/integrationHttpMethod"]
            self.patches.apply(row, "Integration", others, ("integrationResponses",))
            check_integration(row)
        return row

    async def _delete_integration(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            _integration(method)
            del method["methodIntegration"]
        return {}

    # --- integration responses ------------------------------------------------------------------------------

    async def _put_integration_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            if asked["statusCode"] not in method.get("methodResponses", {}):
                raise ControlError("NotFoundException", "Invalid Response status code specified", 404)
            responses = _integration(method).setdefault("integrationResponses", {})
            responses[asked["statusCode"]] = given(asked, *_PLACE)
        return given(asked, *_PLACE)

    async def _get_integration_response(self, asked: Members) -> Members:
        method = self._method(self.catalog.api(asked["restApiId"]), asked)
        return _response(_integration(method), "integrationResponses", asked)

    async def _update_integration_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            row = _response(_integration(method), "integrationResponses", asked)
            self.patches.apply(row, "IntegrationResponse", asked.get("patchOperations", []))
        return row

    async def _delete_integration_response(self, asked: Members) -> Members:
        with self._changing(asked) as (_, method):
            _response(_integration(method), "integrationResponses", asked)
            del method["methodIntegration"]["integrationResponses"][asked["statusCode"]]
        return {}

    # --- where things are -----------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, asked: Members) -> Iterator[tuple[Row, Row]]:
        with self.catalog.changing(asked["restApiId"]) as record:
            yield record, self._method(record, asked)

    def _method(self, record: Row, asked: Members) -> Row:
        resource = found(record["resources"], asked["resourceId"], "Resource")
        return found(resource["resourceMethods"], asked["httpMethod"], "Method")


def check_method(row: Row, record: Row) -> None:
    """Refuse a method whose fence would not stand: nothing is taken that is not enforced here."""
    kind = row["authorizationType"]
    if kind == "NONE":
        if row.get("authorizerId") or row.get("authorizationScopes"):
            raise bad("Authorization type NONE takes no authorizer and no scopes")
    elif kind not in AUTHORIZERS:
        raise bad(f"Authorization type {kind} is not enforced here: use NONE, CUSTOM or JWT")
    else:
        authorizer = record["authorizers"].get(row.get("authorizerId", ""))
        if authorizer is None or authorizer["type"] not in AUTHORIZERS[kind]:
            raise bad(
                "Invalid authorizer ID specified. Setting the authorization type to "
                f"{kind} requires a valid authorizer."
            )
    for model in row.get("requestModels", {}).values():
        if model not in record["models"]:
            raise bad(f"Invalid model identifier specified: {model}")
    for parameter in row.get("requestParameters", {}):
        if not _PARAMETER.fullmatch(parameter):
            raise bad(f"Invalid mapping expression specified: {parameter}")
    if row.get("requestValidatorId") and row["requestValidatorId"] not in record["validators"]:
        raise bad("Invalid Request Validator identifier specified")


def check_integration(row: Row) -> None:
    """An integration says where it leads; only a mock leads nowhere."""
    if row["type"] != "MOCK" and not (row.get("uri") and row.get("httpMethod")):
        raise bad("Enumeration value for HttpMethod must be non-empty" if row.get("uri") else "Invalid URI specified")
    if not 50 <= row["timeoutInMillis"] <= 29_000:
        raise bad("Timeout should be between 50 ms and 29000 ms")


def _integration(method: Row) -> Row:
    row: Row | None = method.get("methodIntegration")
    if row is None:
        raise ControlError("NotFoundException", "Invalid Integration identifier specified", 404)
    return row


def _response(holder: Row, rows: str, asked: Members) -> Row:
    row: Row | None = holder.get(rows, {}).get(asked["statusCode"])
    if row is None:
        raise ControlError("NotFoundException", "Invalid Response status code specified", 404)
    return row
