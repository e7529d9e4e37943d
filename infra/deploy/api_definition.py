"""`api.yaml` as API Gateway's own operations have it: what each part of the API has to be, by its name.

The same shape is read back from a deployed API (`api_found.py`), so that the two can be compared member by member. No
import is trusted with it: authorizers, scopes, key flags, validators and limits are made by one call each.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy.fault import DeployFault

Row = dict[str, Any]

FILE: Final = Path(__file__).parent.parent / "api.yaml"
X: Final = "x-amazon-apigateway-"
VERBS: Final = ("get", "put", "post", "delete", "options", "head", "patch", f"{X}any-method")
DEFAULT_TIMEOUT_MS: Final = 29_000
REFERENCE: Final = "#/components/schemas/"
MODELS: Final = "https://apigateway.amazonaws.com/restapis/"
"""How a model refers to another one in the definition, and in API Gateway."""
# `$context.requestId` is API Gateway's own, and has no braces.
_VARIABLE: Final = re.compile(r"\$\{([a-z_]+)\}")
_DIGEST_LETTERS: Final = 8
_READ: Final = frozenset(
    f"{X}{name}"
    for name in (
        "api-key-source",
        "request-validators",
        "request-validator",
        "gateway-responses",
        "binary-media-types",
        "minimum-compression-size",
    )
)
_READ_OF_INTEGRATIONS: Final = frozenset(
    (
        "type",
        "uri",
        "httpMethod",
        "passthroughBehavior",
        "timeoutInMillis",
        "requestParameters",
        "requestTemplates",
        "responses",
        "credentials",
        "contentHandling",
    )
)
"""What is deployed of the definition: anything else would be left out without a word."""

_MESSAGE: Final = {"application/json": '{"message":$context.error.messageString}'}
"""What API Gateway writes where a gateway response has no template."""

OWN_MODELS: Final = ("Empty", "Error")
"""API Gateway makes these by itself, in an API that is made in its console."""


@dataclass(frozen=True, slots=True)
class ApiDefinition:
    """An API by names. Methods are named `POST /v1/payments` and name their authorizer, validator and models."""

    name: str
    settings: Row
    validators: Mapping[str, Row]
    models: Mapping[str, Row]
    authorizers: Mapping[str, Row]
    gateway_responses: Mapping[str, Row]
    resources: Mapping[str, Row]
    methods: Mapping[str, Row]

    def tree(self) -> Row:
        """All of it as plain values."""
        return asdict(self)

    def digest(self) -> str:
        """Return a name for exactly this API: a deployment carries it in its description."""
        text = json.dumps(self.tree(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def functions(self) -> list[str]:
        """The ARNs of the functions that a request can reach, each once."""
        uris = [str(method["integration"].get("uri", "")) for method in self.methods.values()]
        found = [uri.partition("/functions/")[2].removesuffix("/invocations") for uri in uris if "/functions/" in uri]
        return list(dict.fromkeys(found))


def read_definition(name: str, variables: Mapping[str, str], file: Path = FILE) -> ApiDefinition:
    """Read the file for one deployment; DeployFault for a variable without a value, and for what is not deployed."""
    top = _read(variables, file)
    authorizers = dict(_authorizers(top))
    inline: dict[str, Row] = {}
    methods = {
        f"{_verb(verb)} {path}": _method(item[verb], item, top, authorizers, inline)
        for path, item in top["paths"].items()
        for verb in VERBS
        if verb in item
    }
    return ApiDefinition(
        name=name,
        settings=_settings(top),
        validators=top.get(f"{X}request-validators", {}),
        models=top.get("components", {}).get("schemas", {}) | inline,
        authorizers={row["name"]: row["settings"] for row in authorizers.values()},
        gateway_responses={kind: _answer(row) for kind, row in top.get(f"{X}gateway-responses", {}).items()},
        resources={path: {} for label in methods for path in _way(label.partition(" ")[2])},
        methods=methods,
    )


def _read(variables: Mapping[str, str], file: Path) -> Row:
    text = file.read_text()
    unknown = sorted(set(_VARIABLE.findall(text)) - set(variables))
    if unknown:
        raise DeployFault(
            f"{file.name} has the variable {unknown[0]!r}, which a deployment does not know; it knows "
            f"{', '.join(variables)}: correct it there"
        )
    try:
        top: Row = yaml.safe_load(_VARIABLE.sub(lambda found: variables[found[1]], text))
    except yaml.YAMLError as error:
        raise DeployFault(f"{file.name} is no YAML: {' '.join(str(error).split())}") from None
    for part in _not_deployed(top):
        raise DeployFault(f"{file.name} has {part}, which is not deployed: take it out, or let infra/deploy deploy it")
    return top


def _not_deployed(top: Row) -> Iterator[str]:
    yield from (name for name in top if name.startswith(X) and name not in _READ)
    for kind, row in top.get(f"{X}gateway-responses", {}).items():
        if "statusCode" not in row and not kind.startswith("DEFAULT_"):
            yield f"no statusCode in the gateway response {kind}"
    models = top.get("components", {}).get("schemas", {})
    yield from (f"a schema {name}, the name of one of API Gateway's own" for name in OWN_MODELS if name in models)
    for path, item in top["paths"].items():
        for verb in VERBS:
            integration = item.get(verb, {}).get(f"{X}integration", {}) or {}
            yield from (f"{name} in {_verb(verb)} {path}" for name in integration if name not in _READ_OF_INTEGRATIONS)
            if verb in item and not integration:
                yield f"no integration in {_verb(verb)} {path}"


def _settings(top: Row) -> Row:
    """The API's own settings; what the definition does not speak of is off."""
    return {
        "apiKeySource": top.get(f"{X}api-key-source", "HEADER"),
        "endpoints": ["REGIONAL"],
        "binaryMediaTypes": sorted(top.get(f"{X}binary-media-types", [])),
        "minimumCompressionSize": top.get(f"{X}minimum-compression-size"),
        "disableExecuteApiEndpoint": False,
        "policy": "",
    }


def _way(path: str) -> Iterator[str]:
    """The resources that a path goes through, from the root on."""
    yield "/"
    parts = path.strip("/").split("/")
    yield from ("/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1) if parts[0])


def referred(schema: Any) -> set[str]:
    """Return the names of the models that a schema refers to."""
    if isinstance(schema, Mapping):
        own = {schema["$ref"].removeprefix(REFERENCE)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(referred(one) for one in schema.values()))
    return set().union(*map(referred, schema)) if isinstance(schema, list) else set()


def _verb(verb: str) -> str:
    return "ANY" if verb.startswith(X) else verb.upper()


def _authorizers(top: Row) -> Iterator[tuple[str, Row]]:
    """Name each after what it checks: another configuration is another authorizer, and methods move over to it."""
    for name, scheme in top["components"]["securitySchemes"].items():
        authorizer = scheme.get(f"{X}authorizer")
        if authorizer is not None:
            settings = {**authorizer, "type": authorizer["type"].upper()}
            digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:_DIGEST_LETTERS]
            yield name, {"name": f"{name}-{digest}", "settings": settings}


def _answer(row: Row) -> Row:
    return {
        "statusCode": str(row["statusCode"]) if "statusCode" in row else None,
        "responseParameters": row.get("responseParameters", {}),
        "responseTemplates": row.get("responseTemplates") or _MESSAGE,
    }


# --- methods ------------------------------------------------------------------------------------------------


def _method(operation: Row, item: Row, top: Row, authorizers: Mapping[str, Row], inline: dict[str, Row]) -> Row:
    integration = operation[f"{X}integration"]
    return {
        **_security(operation, authorizers),
        "operationName": operation.get("operationId", ""),
        "requestParameters": dict(_parameters(operation, item)),
        "requestModels": dict(_models(operation, inline)),
        "validator": operation.get(f"{X}request-validator", top.get(f"{X}request-validator", "")),
        "methodResponses": {} if integration["type"] == "aws_proxy" else dict(_responses(operation)),
        "integration": _integration(integration),
    }


def _security(operation: Row, authorizers: Mapping[str, Row]) -> Row:
    wanted: Row = {}
    for alternative in operation.get("security", []):
        wanted |= alternative
    named = [name for name in wanted if name in authorizers]
    authorizer = authorizers[named[0]] if named else None
    kind = "NONE" if authorizer is None else "JWT" if authorizer["settings"]["type"] == "JWT" else "CUSTOM"
    return {
        "authorizationType": kind,
        "authorizer": authorizer["name"] if authorizer else "",
        "authorizationScopes": sorted(wanted[named[0]]) if named else [],
        "apiKeyRequired": any(name not in authorizers for name in wanted),
    }


def _parameters(operation: Row, item: Row) -> Iterator[tuple[str, bool]]:
    for row in (*item.get("parameters", ()), *operation.get("parameters", ())):
        place = {"query": "querystring"}.get(row["in"], row["in"])
        yield f"method.request.{place}.{row['name']}", row.get("required", False)


def _models(operation: Row, inline: dict[str, Row]) -> Iterator[tuple[str, str]]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        name = schema.get("$ref", "").removeprefix(REFERENCE)
        if not name:
            name = "".join(part.title() for part in re.split(r"[^A-Za-z0-9]+", operation["operationId"])) + "Body"
            inline[name] = schema
        yield kind, name


def _responses(operation: Row) -> Iterator[tuple[str, Row]]:
    for status, row in operation.get("responses", {}).items():
        if status.isdigit():
            headers = {f"method.response.header.{name}": False for name in row.get("headers", {})}
            yield status, {"parameters": headers, "models": {}}


def _integration(row: Row) -> Row:
    responses = {
        str(mapped["statusCode"]): {
            "selectionPattern": "" if pattern == "default" else pattern,
            "responseParameters": mapped.get("responseParameters", {}),
            "responseTemplates": mapped.get("responseTemplates", {}),
            "contentHandling": mapped.get("contentHandling", ""),
        }
        for pattern, mapped in row.get("responses", {}).items()
    }
    return {
        "type": row["type"].upper(),
        "uri": row.get("uri", ""),
        "httpMethod": row.get("httpMethod", ""),
        "passthroughBehavior": row.get("passthroughBehavior", "when_no_match").upper(),
        "timeoutInMillis": row.get("timeoutInMillis", DEFAULT_TIMEOUT_MS),
        "requestParameters": row.get("requestParameters", {}),
        "requestTemplates": row.get("requestTemplates", {}),
        "credentials": row.get("credentials", ""),
        "contentHandling": row.get("contentHandling", ""),
        "connection": "",
        "transfer": "BUFFERED",
        "insecure": False,
        "cacheKeyParameters": [],
        "responses": responses,
    }
