"""Reads a deployed API back, part by part, in the shape of its definition."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from infra.deploy.api_definition import MODELS, OWN_MODELS, REFERENCE, ApiDefinition, Row
from infra.deploy.fault import DeployFault

PAGE: Final = 500
_MOST_PAGES: Final = 1_000


@dataclass(frozen=True, slots=True)
class FoundApi:
    """An API as it is, with the ids by which its parts are changed."""

    api_id: str
    definition: ApiDefinition
    resource_ids: dict[str, str]
    authorizer_ids: dict[str, str]
    validator_ids: dict[str, str]
    methods: dict[str, Row]
    """The methods that are still there, while the API is changed."""


def find_api(apigateway: Any, name: str) -> str | None:
    """Return the id of the one API of this name; DeployFault if there are several."""
    found = [row["id"] for row in pages(apigateway.get_rest_apis) if row["name"] == name]
    if len(found) > 1:
        raise DeployFault(f"{len(found)} APIs are named {name} ({', '.join(found)}): delete those that are not wanted")
    return found[0] if found else None


def pages(operation: Any, **asked: Any) -> Iterator[Row]:
    """Give all rows of a list."""
    position: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = operation(limit=PAGE, **position, **asked)
        yield from answer.get("items", ())
        if not answer.get("position"):
            return
        position = {"position": answer["position"]}
    raise DeployFault(f"a list of API Gateway has more than {_MOST_PAGES} pages: something is wrong with its endpoint")


def read_found(apigateway: Any, api_id: str) -> FoundApi:
    """Read everything that the definition speaks of."""
    api = apigateway.get_rest_api(restApiId=api_id)
    authorizers = list(pages(apigateway.get_authorizers, restApiId=api_id))
    validators = by_name(pages(apigateway.get_request_validators, restApiId=api_id))
    resources = list(pages(apigateway.get_resources, restApiId=api_id, embed=["methods"]))
    names = {row["id"]: row["name"] for row in authorizers} | {row["id"]: name for name, row in validators.items()}
    definition = ApiDefinition(
        name=api["name"],
        settings=_settings(api),
        validators={name: _validator(row) for name, row in validators.items()},
        models=_models(apigateway, api_id),
        authorizers={row["name"]: _authorizer(row) for row in authorizers},
        gateway_responses=_gateway_responses(apigateway, api_id),
        resources={row["path"]: {} for row in resources},
        methods=dict(_methods(resources, names)),
    )
    return FoundApi(
        api_id,
        definition,
        resource_ids={row["path"]: row["id"] for row in resources},
        authorizer_ids={row["name"]: row["id"] for row in authorizers},
        validator_ids={name: row["id"] for name, row in validators.items()},
        methods=dict(definition.methods),
    )


def by_name(rows: Iterator[Row]) -> dict[str, Row]:
    """Rows by their names. A second one of a name has its id behind it: nothing that is wanted is called so."""
    named: dict[str, Row] = {}
    for row in rows:
        named[row["name"] if row["name"] not in named else f"{row['name']} ({row['id']})"] = row
    return named


def _settings(api: Row) -> Row:
    return {
        "apiKeySource": api.get("apiKeySource", "HEADER"),
        "endpoints": api.get("endpointConfiguration", {}).get("types", []),
        "binaryMediaTypes": sorted(api.get("binaryMediaTypes", [])),
        "minimumCompressionSize": api.get("minimumCompressionSize"),
        "disableExecuteApiEndpoint": api.get("disableExecuteApiEndpoint", False),
        "policy": api.get("policy") or "",
    }


def _validator(row: Row) -> Row:
    return {name: row.get(name, False) for name in ("validateRequestBody", "validateRequestParameters")}


def _authorizer(row: Row) -> Row:
    """The authorizer as its definition has it: without its id, and without what API Gateway adds."""
    kept = {name: value for name, value in row.items() if name not in ("id", "name", "authType") and value}
    if "jwtConfiguration" in kept:
        kept.pop("authorizerResultTtlInSeconds", None)  # of a token that was looked at by API Gateway itself
        issuers = [_issuer(one) for one in kept["jwtConfiguration"]["issuers"]]
        kept["jwtConfiguration"] = {**kept["jwtConfiguration"], "issuers": issuers}
    return kept


def _issuer(row: Row) -> Row:
    """An issuer without where it keeps its keys: API Gateway learns that from it. Keys from anywhere else are shown."""
    own = f"{row.get('issuer', '').rstrip('/')}/"
    return {key: one for key, one in row.items() if one and not (key == "jwksUri" and one.startswith(own))}


def _models(apigateway: Any, api_id: str) -> dict[str, Row]:
    rows = pages(apigateway.get_models, restApiId=api_id)
    here = f"{MODELS}{api_id}/models/"
    return {row["name"]: _local(json.loads(row["schema"]), here) for row in rows if row["name"] not in OWN_MODELS}


def _local(value: Any, here: str) -> Any:
    """A schema that refers to the others of its API as the definition does."""
    if isinstance(value, dict):
        return {key: _local(one, here) for key, one in value.items()}
    if isinstance(value, list):
        return [_local(one, here) for one in value]
    if isinstance(value, str) and value.startswith(here):
        return f"{REFERENCE}{value.removeprefix(here)}"
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
        "methodResponses": {
            status: {"parameters": one.get("responseParameters", {}), "models": one.get("responseModels", {})}
            for status, one in responses.items()
        },
        "integration": _integration(row.get("methodIntegration", {})),
    }


def _integration(row: Row) -> Row:
    if not row:
        return {}
    responses = {
        status: {
            "selectionPattern": one.get("selectionPattern") or "",
            "responseParameters": one.get("responseParameters", {}),
            "responseTemplates": one.get("responseTemplates", {}),
            "contentHandling": one.get("contentHandling") or "",
        }
        for status, one in row.get("integrationResponses", {}).items()
    }
    names = ("type", "uri", "httpMethod", "passthroughBehavior", "credentials", "contentHandling")
    return {
        **{name: row.get(name) or "" for name in names},
        **{name: row.get(name) or {} for name in ("requestParameters", "requestTemplates")},
        "timeoutInMillis": row.get("timeoutInMillis"),
        "connection": row.get("connectionId") or "",
        "transfer": row.get("responseTransferMode") or "BUFFERED",
        "insecure": bool((row.get("tlsConfig") or {}).get("insecureSkipVerification")),
        "cacheKeyParameters": row.get("cacheKeyParameters") or [],
        "responses": responses,
    }
