"""Reads the OpenAPI file with its x-amazon-apigateway-* extensions, and refuses what it would not enforce."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.authorizers import Authorizer, read_schemes
from emulator.definition import (
    Api,
    GatewayResponse,
    JwtAuthorizer,
    KeySource,
    LambdaAuthorizer,
    Method,
)
from emulator.gateway.errors import KINDS
from emulator.integrations import read_headers, read_integration, read_templates
from emulator.yaml_source import Node, read_yaml

X = "x-amazon-apigateway-"
LARGEST_MINIMUM = 10_485_760
_VERBS = ("get", "put", "post", "delete", "options", "head", "patch")
_AT_THE_TOP = frozenset(
    {"api-key-source", "binary-media-types", "gateway-responses", "minimum-compression-size"}
    | {"request-validator", "request-validators"}
)
_AT_A_METHOD = frozenset({"integration", "request-validator"})


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What an operation takes over from the top of the file."""

    top: Node
    authorizers: Mapping[str, Authorizer | None]
    validators: Mapping[str, tuple[bool, bool]]
    timeout_ms: int
    key_source: KeySource


def read_api(path: Path, variables: Mapping[str, str], timeout_ms: int) -> Api:
    """The API of the file; `timeout_ms` is for integrations that name none. Raises DefinitionError."""
    top = read_yaml(path, variables)
    _refuse_unknown(top, _AT_THE_TOP)
    key_source = _key_source(top)
    defaults = _Defaults(top, dict(read_schemes(top)), dict(_validators(top)), timeout_ms, key_source)
    media_types = top.optional(f"{X}binary-media-types")
    return Api(
        title=top.entry("info").entry("title").text(),
        methods=tuple(_methods(defaults)),
        gateway_responses=dict(_gateway_responses(top)),
        binary_media_types=frozenset(item.text() for item in media_types.items()) if media_types else frozenset(),
        minimum_compression=_minimum_compression(top),
        key_source=key_source,
    )


def _minimum_compression(top: Node) -> int | None:
    node = top.optional(f"{X}minimum-compression-size")
    if node is None:
        return None
    if not 0 <= node.integer() <= LARGEST_MINIMUM:
        node.fail(f"a minimum size is 0 to {LARGEST_MINIMUM} bytes")
    return node.integer()


def _refuse_unknown(node: Node, known: frozenset[str]) -> None:
    """An extension nobody reads - a resource policy, say - would be a fence that is not there."""
    for key, child in node.entries():
        if key.startswith(X) and key.removeprefix(X) not in known:
            child.fail("this extension is not enforced here")


def _resolve(node: Node, top: Node) -> Node:
    """Follows one `$ref` inside the file."""
    reference = node.optional("$ref")
    if reference is None:
        return node
    target = top
    if not reference.text().startswith("#/"):
        reference.fail("only references within the file are followed")
    for part in reference.text()[2:].split("/"):
        target = target.entry(part.replace("~1", "/").replace("~0", "~"))
    return target


# --- security -----------------------------------------------------------------------------------------------


def _key_source(top: Node) -> KeySource:
    node = top.optional(f"{X}api-key-source")
    source = node.text().upper() if node else "HEADER"
    if node is not None and source not in ("HEADER", "AUTHORIZER"):
        node.fail("keys come from the HEADER or from the AUTHORIZER")
    return "AUTHORIZER" if source == "AUTHORIZER" else "HEADER"


def _security(node: Node, defaults: _Defaults) -> tuple[Authorizer | None, frozenset[str], bool]:
    """(authorizer, scopes, key required) of an operation."""
    security = node.optional("security") or defaults.top.optional("security")
    alternatives = security.items() if security else []
    if len(alternatives) > 1:
        node.fail("one security requirement only: alternatives cannot be expressed in API Gateway")
    authorizer: Authorizer | None = None
    scopes: frozenset[str] = frozenset()
    key_required = False
    for name, wanted in alternatives[0].entries() if alternatives else ():
        if name not in defaults.authorizers:
            wanted.fail(f"there is no security scheme {name!r}")
        scheme = defaults.authorizers[name]
        if scheme is None:
            key_required = True
            continue
        if authorizer is not None:
            wanted.fail("a method has one authorizer")
        authorizer, scopes = scheme, frozenset(item.text() for item in wanted.items())
    _check_scopes(node, authorizer, scopes)
    if key_required and defaults.key_source == "AUTHORIZER" and not isinstance(authorizer, LambdaAuthorizer):
        node.fail("its key would come from a Lambda authorizer, and it has none: everybody would be refused")
    return authorizer, scopes, key_required


def _check_scopes(node: Node, authorizer: Authorizer | None, scopes: frozenset[str]) -> None:
    if scopes and not isinstance(authorizer, JwtAuthorizer):
        node.fail("a Lambda authorizer is told of no scopes: they would not be enforced")


# --- methods ------------------------------------------------------------------------------------------------


def _methods(defaults: _Defaults) -> Iterator[Method]:
    for resource, path_item in defaults.top.entry("paths").entries():
        if not resource.startswith("/"):
            path_item.fail("a path starts with /")
        for verb in _VERBS:
            operation = path_item.optional(verb)
            if operation is not None:
                yield _method(verb.upper(), resource, path_item, operation, defaults)
        catch_all = path_item.optional(f"{X}any-method")
        if catch_all is not None:
            yield _method("ANY", resource, path_item, catch_all, defaults)


def _method(verb: str, resource: str, path_item: Node, node: Node, defaults: _Defaults) -> Method:
    _refuse_unknown(node, _AT_A_METHOD)
    authorizer, scopes, key_required = _security(node, defaults)
    validates_body, validates_parameters = _validator(node, defaults)
    operation = node.optional("operationId")
    required = list(_required_parameters(path_item, node, defaults.top))
    return Method(
        http_method=verb,
        resource=resource,
        integration=read_integration(node.entry(f"{X}integration"), defaults.timeout_ms),
        operation=operation.text() if operation else None,
        authorizer=authorizer,
        scopes=scopes,
        api_key_required=key_required,
        validates_body=validates_body,
        validates_parameters=validates_parameters,
        required_headers=tuple(name for place, name in required if place == "header"),
        required_query=tuple(name for place, name in required if place == "query"),
        models=dict(_models(node, defaults.top)),
    )


def _validators(top: Node) -> Iterator[tuple[str, tuple[bool, bool]]]:
    node = top.optional(f"{X}request-validators")
    for name, child in node.entries() if node else ():
        yield name, (child.entry("validateRequestBody").boolean(), child.entry("validateRequestParameters").boolean())


def _validator(node: Node, defaults: _Defaults) -> tuple[bool, bool]:
    chosen = node.optional(f"{X}request-validator") or defaults.top.optional(f"{X}request-validator")
    if chosen is None:
        return False, False
    if chosen.text() not in defaults.validators:
        chosen.fail(f"there is no request validator {chosen.text()!r}")
    return defaults.validators[chosen.text()]


def _required_parameters(path_item: Node, node: Node, top: Node) -> Iterator[tuple[str, str]]:
    for holder in (path_item, node):
        listed = holder.optional("parameters")
        for item in listed.items() if listed else ():
            parameter = _resolve(item, top)
            required = parameter.optional("required")
            if required is not None and required.boolean():
                yield parameter.entry("in").text(), parameter.entry("name").text()


def _models(node: Node, top: Node) -> Iterator[tuple[str, Mapping[str, Any]]]:
    body = node.optional("requestBody")
    content = _resolve(body, top).optional("content") if body else None
    for media_type, child in content.entries() if content else ():
        schema = child.optional("schema")
        if schema is not None:
            yield media_type.lower(), {**schema.mapping(), "components": _components(top)}


def _components(top: Node) -> Mapping[str, Any]:
    """The schemas that `#/components/schemas/X` in a model refers to, put where the reference looks."""
    components = top.optional("components")
    schemas = components.optional("schemas") if components else None
    return {"schemas": schemas.mapping()} if schemas else {}


def _gateway_responses(top: Node) -> Iterator[tuple[str, GatewayResponse]]:
    node = top.optional(f"{X}gateway-responses")
    for name, child in node.entries() if node else ():
        if name not in KINDS:
            child.fail("there is no gateway response of this type")
        child.only("statusCode", "responseParameters", "responseTemplates")
        status = child.optional("statusCode")
        yield (
            name,
            GatewayResponse(
                status=status.integer() if status else None,
                headers=read_headers(child, "gatewayresponse.header."),
                templates=read_templates(child, "responseTemplates"),
            ),
        )
