"""An API's record as OpenAPI 3: what `get_export` answers, and the picture that a deployment keeps.

`imports.py` reads it back. It is the form in which this machine serves: `emulator/openapi.py` refuses what it would not
enforce, and so nothing can be deployed that is only half there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from emulator.control.apis.catalog import Row, given

X: Final = "x-amazon-apigateway-"
_REFERENCE: Final = "https://apigateway.amazonaws.com/restapis/"
# A part of an integration that says nothing when it has this value.
_SILENT: Final = {"connectionType": "INTERNET", "cacheKeyParameters": [], "responseTransferMode": "BUFFERED"}


def export(record: Row) -> dict[str, Any]:
    """Return the API as a definition."""
    api, names = record["api"], validator_names(record)
    settings = {
        f"{X}api-key-source": api.get("apiKeySource", "HEADER"),
        f"{X}binary-media-types": api.get("binaryMediaTypes"),
        f"{X}minimum-compression-size": api.get("minimumCompressionSize"),
        f"{X}policy": json.loads(api["policy"]) if api.get("policy") else None,
        f"{X}request-validators": {names[key]: _validator(row) for key, row in record["validators"].items()} or None,
        f"{X}gateway-responses": {kind: _answer(row) for kind, row in record["gateway_responses"].items()} or None,
    }
    return {
        "openapi": "3.0.1",
        "info": given(
            {"title": api["name"], "description": api.get("description"), "version": api.get("version", "1")}
        ),
        "paths": dict(_paths(record)),
        "components": {"schemas": dict(_schemas(record)), "securitySchemes": dict(_schemes(record))},
        **{name: value for name, value in settings.items() if value is not None},
    }


def validator_names(record: Row) -> dict[str, str]:
    """Names of request validators by id: definitions name what the API numbers."""
    rows = record["validators"].values()  # two may have one name, or none
    names = [row.get("name", "") for row in rows]
    return {
        row["id"]: name if name and names.count(name) == 1 else row["id"] for row, name in zip(rows, names, strict=True)
    }


def _validator(row: Row) -> Row:
    return {name: row.get(name, False) for name in ("validateRequestBody", "validateRequestParameters")}


def _answer(row: Row) -> Row:
    return {name: row[name] for name in ("statusCode", "responseParameters", "responseTemplates") if row.get(name)}


def _schemas(record: Row) -> Iterator[tuple[str, Any]]:
    for name, row in record["models"].items():
        yield name, _local(json.loads(row.get("schema", "{}")))


def _local(value: Any) -> Any:
    """A schema with its references to other models turned into the file's own."""
    if isinstance(value, dict):
        return {key: _local(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_local(one) for one in value]
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return f"#/components/schemas/{value.rpartition('/')[2]}"
    return value


def _schemes(record: Row) -> Iterator[tuple[str, Row]]:
    yield _key_scheme(record), {"type": "apiKey", "name": "x-api-key", "in": "header"}
    for row in record["authorizers"].values():
        yield row["name"], _scheme(row)


def _key_scheme(record: Row) -> str:
    """The name of the scheme for API keys; an authorizer may have been called so."""
    name, taken = "api_key", {row["name"] for row in record["authorizers"].values()}
    while name in taken:
        name += "_"
    return name


def _scheme(row: Row) -> Row:
    header = row.get("identitySource", "").rpartition(".")[2] or "Unused"
    kept = {name: value for name, value in row.items() if name not in ("id", "name", "authType") and value is not None}
    if "jwtConfiguration" in kept:
        kept["jwtConfiguration"] = _trusted(kept["jwtConfiguration"])
    return {
        "type": "apiKey",
        "name": header,
        "in": "header",
        f"{X}authtype": row.get("authType", "custom"),
        f"{X}authorizer": {**kept, "type": row["type"].lower()},
    }


def _trusted(configuration: Row) -> Row:
    """The configuration without the key sets' addresses, which are read from the issuers and cannot be set."""
    issuers = [{name: value for name, value in row.items() if name != "jwksUri"} for row in configuration["issuers"]]
    return {**configuration, "issuers": issuers}


# --- paths --------------------------------------------------------------------------------------------------


def _paths(record: Row) -> Iterator[tuple[str, Row]]:
    names = validator_names(record)
    for resource in sorted(record["resources"].values(), key=lambda row: str(row["path"])):
        methods = resource["resourceMethods"].items()
        if methods:
            yield resource["path"], {_verb(verb): _operation(method, record, names) for verb, method in methods}


def _verb(verb: str) -> str:
    return f"{X}any-method" if verb == "ANY" else verb.lower()


def _operation(method: Row, record: Row, validators: Mapping[str, str]) -> Row:
    operation: Row = {
        "operationId": method.get("operationName"),
        "parameters": list(_parameters(method)) or None,
        "requestBody": _body(method),
        "responses": {status: {"description": "Done"} for status in method.get("methodResponses", {})} or None,
        "security": [_security(method, record)],
        f"{X}request-validator": validators.get(method.get("requestValidatorId", "")),
        f"{X}integration": _integration(method.get("methodIntegration", {})) or None,
    }
    return {name: value for name, value in operation.items() if value is not None}


def _parameters(method: Row) -> Iterator[Row]:
    for name, required in method.get("requestParameters", {}).items():
        _, _, place, parameter = name.split(".", 3)
        where = "query" if place == "querystring" else place
        yield {
            "name": parameter,
            "in": where,
            "required": required or where == "path",
            "schema": {"type": "string"},
        }


def _body(method: Row) -> Row | None:
    models = method.get("requestModels", {}).items()
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{model}"}} for kind, model in models}
    return {"content": content} if content else None


def _security(method: Row, record: Row) -> Row:
    security: Row = {}
    if method.get("authorizerId"):
        name = record["authorizers"][method["authorizerId"]]["name"]
        security[name] = method.get("authorizationScopes", [])
    if method.get("apiKeyRequired"):
        security[_key_scheme(record)] = []
    return security


def _integration(row: Row) -> Row:
    kept = {
        name: value
        for name, value in row.items()
        if value not in (None, {})
        and value != _SILENT.get(name)
        and name not in ("cacheNamespace", "integrationResponses")
    }
    if row.get("type") == "MOCK":
        kept.pop("timeoutInMillis", None)
    responses = row.get("integrationResponses", {}).values()
    mapped = {one.get("selectionPattern") or "default": _mapped(one) for one in responses}
    return kept | ({"responses": mapped} if mapped else {})


def _mapped(row: Row) -> Row:
    names = ("statusCode", "responseParameters", "responseTemplates", "contentHandling")
    return {name: row[name] for name in names if row.get(name)}
