"""Reads the integration of a method: a Lambda function, an HTTP service, or a mock."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emulator.definition import Http, LambdaProxy, MappedResponse, Mock
from emulator.gateway.http_integration import unmapped
from emulator.lambda_uri import named_function
from emulator.stages import integration_timeout
from emulator.yaml_source import Node

_ON_THE_WIRE = ("httpMethod", "uri", "requestParameters", "passthroughBehavior", "timeoutInMillis", "responses")
# What a template may not hold: directives of VTL, and variables other than $context.
_VTL = re.compile(
    r"#\{?(?:set|if|elseif|else|end|foreach|break|stop|include|parse|evaluate|define|macro)\b|##|\$!?\{?(?!context\.)[A-Za-z]"
)


def read_integration(node: Node, default_timeout_ms: int) -> LambdaProxy | Http | Mock:
    """The integration as the definition gives it. Raises DefinitionError for what would not be served as it says."""
    kind = node.entry("type").text().lower()
    if kind == "aws_proxy":
        return _lambda_proxy(node, default_timeout_ms)
    if kind in ("http", "http_proxy"):
        return _http(node, default_timeout_ms, proxy=kind == "http_proxy")
    if kind != "mock":
        node.entry("type").fail(f"integration type {kind!r} is not served here")
    return _mock(node)


def _lambda_proxy(node: Node, default_timeout_ms: int) -> LambdaProxy:
    # A proxy integration takes no notice of responses and contentHandling, which exports nevertheless contain.
    node.only("type", *_ON_THE_WIRE, "credentials", "contentHandling")
    handling, parameters = node.optional("contentHandling"), node.optional("requestParameters")
    if handling is not None and handling.text() != "CONVERT_TO_TEXT":
        handling.fail(f"contentHandling {handling.text()!r} is not served here")
    if parameters is not None:
        parameters.fail("a function gets the whole request: nothing can be mapped into it here")
    timeout_ms = integration_timeout(node.optional("timeoutInMillis"), default_timeout_ms)
    return LambdaProxy(named_function(node.entry("uri")), timeout_ms, by_role=node.optional("credentials") is not None)


def _http(node: Node, default_timeout_ms: int, *, proxy: bool) -> Http:
    node.only("type", *_ON_THE_WIRE)
    uri, parameters = node.entry("uri"), node.optional("requestParameters")
    if not re.match(r"https?://", uri.text()):
        uri.fail("an HTTP integration has an absolute http or https URI")
    mapped: dict[str, dict[str, str]] = {"path": {}, "querystring": {}, "header": {}}
    for name, value in parameters.texts().items() if parameters else ():
        found = re.fullmatch(r"integration\.request\.(path|querystring|header)\.(.+)", name)
        if found is None or not _request_value(value):
            node.fail(f"request parameter {name} = {value} is not served here")
        mapped[found[1]][found[2]] = value
    for name in unmapped(uri.text(), mapped["path"]):
        uri.fail(f"{{{name}}} is filled by nothing: map integration.request.path.{name} in requestParameters")
    return Http(
        method=node.entry("httpMethod").text().upper(),
        uri=uri.text(),
        path=mapped["path"],
        query=mapped["querystring"],
        headers=mapped["header"],
        timeout_ms=integration_timeout(node.optional("timeoutInMillis"), default_timeout_ms),
        responses=None if proxy else _http_responses(node),
    )


def _request_value(value: str) -> bool:
    return _quoted(value) or re.fullmatch(r"method\.request\.(path|querystring|header)\.[^.]+", value) is not None


def _http_responses(node: Node) -> tuple[MappedResponse, ...]:
    if _passthrough(node) == "never":
        node.fail("it lets no body pass, and templates (VTL) are not served here: everybody would get a 415")
    return _responses(node, ("integration.response.header.",))


def _mock(node: Node) -> Mock:
    node.only("type", *_ON_THE_WIRE, "requestTemplates", "contentHandling")
    return Mock(read_templates(node, "requestTemplates"), _responses(node), _passthrough(node))


def _passthrough(node: Node) -> str:
    given = node.optional("passthroughBehavior")
    behaviour = given.text().lower() if given else "when_no_match"
    if behaviour not in ("never", "when_no_templates", "when_no_match"):
        node.fail(f"passthroughBehavior {behaviour!r} is none of API Gateway's")
    return behaviour


def _responses(node: Node, more: tuple[str, ...] = ()) -> tuple[MappedResponse, ...]:
    given = node.optional("responses")
    return tuple(_response(pattern, child, more) for pattern, child in given.entries()) if given else ()


def _response(pattern: str, node: Node, more: tuple[str, ...]) -> MappedResponse:
    node.only("statusCode", "responseParameters", "responseTemplates", "contentHandling")
    try:
        compiled = None if pattern == "default" else re.compile(pattern)
    except re.error as error:
        node.fail(f"{pattern!r} is no regular expression: {error}")
    return MappedResponse(
        pattern=compiled,
        status=node.entry("statusCode").integer(),
        headers=read_headers(node, "method.response.header.", more),
        templates=read_templates(node, "responseTemplates"),
    )


def read_headers(node: Node, prefix: str, more: tuple[str, ...] = ()) -> Mapping[str, str]:
    """`responseParameters`: header names to mapping expressions; `more` are places that only some may name."""
    parameters = node.optional("responseParameters")
    headers = parameters.texts() if parameters else {}
    for name, value in headers.items():
        mappable = _quoted(value) or value.startswith(("context.", "stageVariables.", "method.request.", *more))
        if not name.startswith(prefix) or not mappable:
            node.fail(f"response parameter {name} = {value} is not served here")
    return {name.removeprefix(prefix): value for name, value in headers.items()}


def read_templates(node: Node, key: str) -> Mapping[str, str]:
    """Templates by content type; `$context` is filled in, and what else would need VTL is refused."""
    given = node.optional(key)
    templates = given.texts() if given else {}
    for kind, text in templates.items():
        found = _VTL.search(text)
        if found is not None:
            node.entry(key).entry(kind).fail(f"{found[0]!r}: only $context is served in templates, VTL is not")
    return templates


def _quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == "'"
