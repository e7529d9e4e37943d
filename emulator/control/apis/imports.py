"""A definition in OpenAPI 3 or Swagger 2 as an API's record: `put_rest_api` and `import_rest_api`.

The opposite of `export.py`: what one writes the other reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
import yaml

from emulator.control.apis.catalog import Row, bad, new_id
from emulator.control.apis.export import X
from emulator.control.apis.tree import resource_at
from emulator.control.operation import Members

_VERBS: Final = ("get", "put", "post", "delete", "options", "head", "patch", f"{X}any-method")
_SETTINGS: Final = {
    "apiKeySource": f"{X}api-key-source",
    "binaryMediaTypes": f"{X}binary-media-types",
    "minimumCompressionSize": f"{X}minimum-compression-size",
}


def document(body: bytes) -> dict[str, Any]:
    """Read a definition; BadRequestException for what is none."""
    try:
        read = orjson.loads(body) if body.lstrip().startswith(b"{") else yaml.safe_load(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad(f"Unable to parse API definition because of a malformed document: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get("paths"), dict):
        raise bad("Invalid OpenAPI input: an object with paths is expected.")
    if str(read.get("swagger", "")) != "2.0" and not str(read.get("openapi", "")).startswith("3.0"):
        raise bad("Invalid OpenAPI input: swagger 2.0 or openapi 3.0 is expected.")
    return read


_AT_THE_TOP: Final = (*_SETTINGS.values(), f"{X}policy", f"{X}request-validators", f"{X}gateway-responses")
_KNOWN: Final = {
    "the top": (*_AT_THE_TOP, f"{X}request-validator"),
    "a path": (f"{X}any-method",),
    "a method": (f"{X}integration", f"{X}request-validator"),
    "a server": (),
}
"""The extensions that are read, by where they stand."""

_SAYING_NOTHING: Final = (f"{X}documentation", f"{X}importexport-version")


def _check_extensions(part: Mapping[str, Any], place: str) -> None:
    """An extension that nobody reads - x-amazon-apigateway-auth, say - would be a fence that is not there."""
    for name in part:
        if str(name).startswith(X) and name not in (*_KNOWN[place], *_SAYING_NOTHING):
            raise bad(f"The extension {name} of {place} is not served here")


def put(record: Row, definition: Mapping[str, Any]) -> None:
    """Add everything of a definition to a record; what is there under the same name is replaced."""
    try:
        _put(record, definition)
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise bad(f"Invalid OpenAPI input: {error!r}") from error


def _put(record: Row, definition: Mapping[str, Any]) -> None:
    _check_extensions(definition, "the top")
    for server in definition.get("servers", ()):
        _check_extensions(server, "a server")
    api = record["api"]
    info = definition.get("info", {})
    api["name"] = str(info.get("title", api["name"]))
    api.update({member: str(info[member]) for member in ("description", "version") if member in info})
    for member, extension in _SETTINGS.items():
        if extension in definition:
            api[member] = definition[extension]
    if f"{X}policy" in definition:
        api["policy"] = json.dumps(definition[f"{X}policy"])
    for name, rules in definition.get(f"{X}request-validators", {}).items():
        row = _named(record["validators"], name)
        row.update(rules)
    for name, schema in _schemas(definition).items():
        text = json.dumps(_referring(schema, api["id"]))
        row = {"id": new_id(6), "name": name, "contentType": "application/json", "schema": text}
        record["models"][name] = row
    for kind, answer in definition.get(f"{X}gateway-responses", {}).items():
        row = {"responseType": kind, "defaultResponse": False, **answer}
        record["gateway_responses"][kind] = row | (
            {"statusCode": str(row["statusCode"])} if "statusCode" in row else {}
        )
    _put_authorizers(record, definition)
    for path, item in definition["paths"].items():
        _put_path(record, definition, path, item)


def _named(rows: dict[str, Row], name: str) -> Row:
    """The row of a name, made where there is none."""
    there = [row for row in rows.values() if row["name"] == name]
    if there:
        return there[0]
    row: Row = {"id": new_id(6), "name": name}
    rows[row["id"]] = row
    return row


def _schemas(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = definition.get("definitions") or definition.get("components", {}).get("schemas", {})
    return found


def _referring(value: Any, api_id: str) -> Any:
    """A schema with its references as models have them."""
    if isinstance(value, dict):
        return {key: _referring(one, api_id) for key, one in value.items()}
    if isinstance(value, list):
        return [_referring(one, api_id) for one in value]
    if isinstance(value, str) and value.startswith(("#/components/schemas/", "#/definitions/")):
        return f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{value.rpartition('/')[2]}"
    return value


def _schemes(definition: Mapping[str, Any]) -> Mapping[str, Row]:
    found: Mapping[str, Row] = (
        definition.get("securityDefinitions") or definition.get("components", {}).get("securitySchemes", {}) or {}
    )
    return found


def _put_authorizers(record: Row, definition: Mapping[str, Any]) -> None:
    for name, scheme in _schemes(definition).items():
        authorizer = scheme.get(f"{X}authorizer")
        if authorizer is None:
            continue
        row = _named(record["authorizers"], name)
        row.update(authorizer)
        row["type"] = authorizer["type"].upper()
        row["authType"] = scheme.get(f"{X}authtype", "custom")
        if row["type"] == "TOKEN":
            row.setdefault("identitySource", f"method.request.header.{scheme['name']}")


# --- paths --------------------------------------------------------------------------------------------------


def _put_path(record: Row, definition: Mapping[str, Any], path: str, item: Mapping[str, Any]) -> None:
    _check_extensions(item, "a path")
    resource = resource_at(record, path)
    shared = item.get("parameters", [])
    for verb in _VERBS:
        if verb in item:
            method = _method(record, definition, item[verb], shared)
            method["httpMethod"] = "ANY" if verb.startswith(X) else verb.upper()
            resource["resourceMethods"][method["httpMethod"]] = method


def _method(record: Row, definition: Mapping[str, Any], operation: Mapping[str, Any], shared: list[Any]) -> Row:
    _check_extensions(operation, "a method")
    parameters = [_resolved(one, definition) for one in (*shared, *operation.get("parameters", ()))]
    method: Row = {
        "apiKeyRequired": False,
        "authorizationType": "NONE",
        "operationName": operation.get("operationId"),
        "requestParameters": dict(_parameters(parameters)),
        "requestModels": dict(_models(record, definition, operation, parameters)),
        "methodResponses": {
            code: {"statusCode": code} for code in map(str, operation.get("responses", ())) if code.isdigit()
        },
        **_security(record, definition, operation),
    }
    chosen = operation.get(f"{X}request-validator", definition.get(f"{X}request-validator"))
    if chosen is not None:
        method["requestValidatorId"] = next(row["id"] for row in record["validators"].values() if row["name"] == chosen)
    if f"{X}integration" in operation:
        method["methodIntegration"] = _integration(operation[f"{X}integration"], method["methodResponses"])
    return {name: value for name, value in method.items() if value not in (None, {})}


def _resolved(parameter: Row, definition: Mapping[str, Any]) -> Row:
    target: Any = definition
    if "$ref" not in parameter:
        return parameter
    for part in parameter["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return dict(target)


def _parameters(parameters: list[Row]) -> Iterator[tuple[str, bool]]:
    for row in parameters:
        where = {"query": "querystring", "header": "header", "path": "path"}.get(row["in"])
        if where:
            yield f"method.request.{where}.{row['name']}", bool(row.get("required", False))


def _models(
    record: Row, definition: Mapping[str, Any], operation: Mapping[str, Any], parameters: list[Row]
) -> Iterator[tuple[str, str]]:
    body = _resolved(operation.get("requestBody", {}), definition)
    for kind, content in body.get("content", {}).items():
        if "schema" in content:
            yield kind, _model(record, content["schema"])
    for row in parameters:
        if row["in"] == "body" and "schema" in row:
            for kind in operation.get("consumes", definition.get("consumes", ["application/json"])):
                yield kind, _model(record, row["schema"])


def _model(record: Row, schema: Row) -> str:
    """The name of a schema's model; one that is written in its place becomes a model with a name of its own."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    name = f"MODEL{new_id(6)}"
    text = json.dumps(_referring(schema, record["api"]["id"]))
    record["models"][name] = {"id": new_id(6), "name": name, "contentType": "application/json", "schema": text}
    return name


def _security(record: Row, definition: Mapping[str, Any], operation: Mapping[str, Any]) -> Members:
    schemes = _schemes(definition)
    wanted: Row = {}
    for alternative in operation.get("security", definition.get("security", [])):
        wanted |= alternative
    method: Members = {}
    for name, scopes in wanted.items():
        if f"{X}authorizer" not in schemes[name]:
            _check_api_key(name, schemes[name])
            method["apiKeyRequired"] = True
            continue
        if "authorizerId" in method:
            raise bad(f"A method has one authorizer: it cannot have {name!r} besides")
        row = next(row for row in record["authorizers"].values() if row["name"] == name)
        method |= {"authorizationType": "JWT" if row["type"] == "JWT" else "CUSTOM", "authorizerId": row["id"]}
        method |= {"authorizationScopes": scopes} if scopes else {}
    return method


def _check_api_key(name: str, scheme: Mapping[str, Any]) -> None:
    """A scheme without an authorizer is the API key: what else it may say - IAM, OAuth - nobody here would look at."""
    if (scheme.get("type"), scheme.get("in"), str(scheme.get("name")).lower()) != ("apiKey", "header", "x-api-key"):
        raise bad(f"The security scheme {name!r} is not enforced here: it is neither an authorizer nor x-api-key")


def _integration(definition: Row, method_responses: dict[str, Row]) -> Row:
    row = {name: value for name, value in definition.items() if name != "responses"}
    row["type"] = row["type"].upper()
    row["passthroughBehavior"] = row.get("passthroughBehavior", "when_no_match").upper()
    row.setdefault("timeoutInMillis", 29_000)
    responses: Row = {}
    for pattern, mapped in definition.get("responses", {}).items():
        status = str(mapped["statusCode"])
        if status in responses:
            raise bad(f"Two responses of an integration have the status {status}: API Gateway keeps one for each")
        selected = {} if pattern == "default" else {"selectionPattern": pattern}
        responses[status] = {**mapped, "statusCode": status, **selected}
        method_responses.setdefault(status, {"statusCode": status})
    return row | ({"integrationResponses": responses} if responses else {})
