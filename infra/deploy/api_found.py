"""Reads a deployed API back, part by part, in the shape of its definition."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from infra.deploy.api_definition import ApiDefinition, Row

PAGE: Final = 500
_MODELS: Final = "https://apigateway.amazonaws.com/restapis/"
_DEFAULT_MODELS: Final = ("Empty", "Error")
"""API Gateway makes these by itself, in an API that is made in its console."""


@dataclass(frozen=True, slots=True)
class FoundApi:
    """An API as it is, with the ids by which its parts are changed."""

    api_id: str
    definition: ApiDefinition
    resource_ids: dict[str, str]
    authorizer_ids: dict[str, str]
    validator_ids: dict[str, str]


def find_api(apigateway: Any, name: str) -> str | None:
    """Return the id of the one API of this name; LookupError if there are several."""
    found = [row["id"] for row in pages(apigateway.get_rest_apis) if row["name"] == name]
    if len(found) > 1:
        raise LookupError(f"{len(found)} APIs are named {name}: {', '.join(found)}. Delete those that are not wanted")
    return found[0] if found else None


def pages(operation: Any, **asked: Any) -> Iterator[Row]:
    """Give all rows of a list."""
    answer = operation(limit=PAGE, **asked)
    yield from answer.get("items", ())
    while answer.get("position"):
        answer = operation(limit=PAGE, position=answer["position"], **asked)
        yield from answer.get("items", ())


def read_found(apigateway: Any, api_id: str) -> FoundApi:
    """Read everything that the definition speaks of."""
    api = apigateway.get_rest_api(restApiId=api_id)
    authorizers = list(pages(apigateway.get_authorizers, restApiId=api_id))
    validators = list(pages(apigateway.get_request_validators, restApiId=api_id))
    resources = list(pages(apigateway.get_resources, restApiId=api_id, embed=["methods"]))
    names = {row["id"]: row["name"] for row in (*authorizers, *validators)}
    definition = ApiDefinition(
        name=api["name"],
        settings={"apiKeySource": api.get("apiKeySource", "HEADER")},
        validators={row["name"]: _validator(row) for row in validators},
        models=_models(apigateway, api_id),
        authorizers={row["name"]: _authorizer(row) for row in authorizers},
        gateway_responses=_gateway_responses(apigateway, api_id),
        methods=dict(_methods(resources, names)),
    )
    return FoundApi(
        api_id,
        definition,
        resource_ids={row["path"]: row["id"] for row in resources},
        authorizer_ids={row["name"]: row["id"] for row in authorizers},
        validator_ids={row["name"]: row["id"] for row in validators},
    )


def _validator(row: Row) -> Row:
    return {name: row.get(name, False) for name in ("validateRequestBody", "validateRequestParameters")}


def _authorizer(row: Row) -> Row:
    """The authorizer without what API Gateway adds: its id, and where each issuer keeps its keys."""
    kept: Row = {name: row[name] for name in ("type", "identitySource") if name in row}
    if "jwtConfiguration" in row:
        trusted = row["jwtConfiguration"]
        issuers = [{key: value for key, value in one.items() if key != "jwksUri"} for one in trusted["issuers"]]
        kept["jwtConfiguration"] = {"issuers": issuers, "defaultAlgorithms": trusted["defaultAlgorithms"]}
    else:
        others = ("authorizerUri", "authorizerResultTtlInSeconds", "identityValidationExpression")
        kept |= {name: row[name] for name in others if name in row}
    return kept


def _models(apigateway: Any, api_id: str) -> dict[str, Row]:
    rows = pages(apigateway.get_models, restApiId=api_id)
    return {row["name"]: _local(json.loads(row["schema"])) for row in rows if row["name"] not in _DEFAULT_MODELS}


def _local(value: Any) -> Any:
    """A schema that refers to others as the definition does."""
    if isinstance(value, dict):
        return {key: _local(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_local(one) for one in value]
    if isinstance(value, str) and value.startswith(_MODELS):
        return f"#/components/schemas/{value.rpartition('/')[2]}"
    return value


def _gateway_responses(apigateway: Any, api_id: str) -> dict[str, Row]:
    return {
        row["responseType"]: {
            "statusCode": row.get("statusCode"),
            "responseParameters": row.get("responseParameters", {}),
            "responseTemplates": row.get("responseTemplates", {}),
        }
        for row in pages(apigateway.get_gateway_responses, restApiId=api_id)
        if not row.get("defaultResponse", False)
    }


def _methods(resources: list[Row], names: dict[str, str]) -> Iterator[tuple[str, Row]]:
    for resource in resources:
        for verb, method in resource.get("resourceMethods", {}).items():
            yield f"{verb} {resource['path']}", _method(method, names)


def _method(row: Row, names: dict[str, str]) -> Row:
    responses = row.get("methodResponses", {})
    return {
        "authorizationType": row.get("authorizationType", "NONE"),
        "authorizer": names.get(row.get("authorizerId", ""), row.get("authorizerId", "")),
        "authorizationScopes": sorted(row.get("authorizationScopes", [])),
        "apiKeyRequired": row.get("apiKeyRequired", False),
        "operationName": row.get("operationName", ""),
        "requestParameters": row.get("requestParameters", {}),
        "requestModels": row.get("requestModels", {}),
        "validator": names.get(row.get("requestValidatorId", ""), row.get("requestValidatorId", "")),
        "methodResponses": {status: one.get("responseParameters", {}) for status, one in responses.items()},
        "integration": _integration(row.get("methodIntegration", {})),
    }


def _integration(row: Row) -> Row:
    responses = {
        status: {
            "selectionPattern": one.get("selectionPattern") or "",
            "responseParameters": one.get("responseParameters", {}),
            "responseTemplates": one.get("responseTemplates", {}),
        }
        for status, one in row.get("integrationResponses", {}).items()
    }
    texts = {name: row.get(name) or "" for name in ("type", "uri", "httpMethod", "passthroughBehavior")}
    maps = {name: row.get(name) or {} for name in ("requestParameters", "requestTemplates")}
    return {**texts, **maps, "timeoutInMillis": row.get("timeoutInMillis"), "responses": responses}
