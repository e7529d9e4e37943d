"""Reads the security schemes of a definition: JWT and Lambda authorizers, and the API key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from emulator.definition import ClaimRule, JwtAuthorizer, LambdaAuthorizer, TrustedIssuer
from emulator.lambda_uri import named_function
from emulator.yaml_source import Node

Authorizer = JwtAuthorizer | LambdaAuthorizer

DEFAULT_TTL_SECONDS = 300
LONGEST_TTL_SECONDS = 3_600

_EXTENSION = "x-amazon-apigateway-authorizer"
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
_RESERVED_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "scope", "scp"})
_HEADER = re.compile(r"method\.request\.header\.([A-Za-z0-9_-]+)")
# Path parameters reach the function, but "cannot be used as identity sources" (api-gateway-lambda-authorizer-input).
_SOURCE = re.compile(
    r"method\.request\.(?:header\.[A-Za-z0-9_-]+|querystring\.[^\s,]+)"
    r"|stageVariables\.[A-Za-z0-9_]+|context\.[A-Za-z0-9_.-]+"
)


def read_schemes(top: Node) -> Iterator[tuple[str, Authorizer | None]]:
    """Each security scheme by name; None stands for the API key. Raises DefinitionError."""
    components = top.optional("components")
    schemes = components.optional("securitySchemes") if components else None
    for name, node in schemes.entries() if schemes else ():
        authorizer = node.optional(_EXTENSION)
        if authorizer is not None:
            yield name, _authorizer(name, node, authorizer)
        elif node.entry("type").text() == "apiKey" and node.entry("name").text().lower() == "x-api-key":
            yield name, None
        else:
            node.fail("neither an authorizer nor the x-api-key header: it would not be enforced here")


def _authorizer(name: str, scheme: Node, node: Node) -> Authorizer:
    kind = node.entry("type").text().lower()
    if kind == "jwt":
        return _jwt(name, node)
    if kind == "token":
        return _token(name, scheme, node)
    if kind != "request":
        node.fail(f"authorizer type {kind!r} is not enforced here")
    return _request(name, node)


# --- Lambda -------------------------------------------------------------------------------------------------


def _token(name: str, scheme: Node, node: Node) -> LambdaAuthorizer:
    _check_lambda(node)
    source = node.optional("identitySource")
    # Without an identity source it is the header that the scheme names (x-amazon-apigateway-authorizer, example).
    expression = source.text() if source else f"method.request.header.{scheme.entry('name').text()}"
    if _HEADER.fullmatch(expression) is None:
        (source or scheme).fail("a TOKEN authorizer reads one header: method.request.header.NAME")
    return LambdaAuthorizer(
        name=name,
        function=named_function(node.entry("authorizerUri")),
        kind="TOKEN",
        sources=(expression,),
        ttl_seconds=_ttl(node),
        validation=_validation(node),
        by_role=_by_role(node),
    )


def _request(name: str, node: Node) -> LambdaAuthorizer:
    _check_lambda(node)
    if node.optional("identityValidationExpression") is not None:
        node.fail("identityValidationExpression does not apply to a REQUEST authorizer")
    ttl_seconds = _ttl(node)
    source = node.optional("identitySource")
    expressions = tuple(part.strip() for part in source.text().split(",")) if source else ()
    for expression in expressions:
        if _SOURCE.fullmatch(expression) is None:
            node.fail(f"{expression!r} cannot be an identity source")
    if ttl_seconds and not expressions:
        node.fail("a REQUEST authorizer whose answers are cached needs an identitySource")
    function = named_function(node.entry("authorizerUri"))
    return LambdaAuthorizer(name, function, "REQUEST", expressions, ttl_seconds, by_role=_by_role(node))


def _by_role(node: Node) -> bool:
    return node.optional("authorizerCredentials") is not None


def _check_lambda(node: Node) -> None:
    # The credentials are a role that API Gateway would assume: nobody asks for one here.
    node.only(
        "type",
        "authorizerUri",
        "authorizerCredentials",
        "authorizerResultTtlInSeconds",
        "identitySource",
        "identityValidationExpression",
    )


def _ttl(node: Node) -> int:
    ttl = node.optional("authorizerResultTtlInSeconds")
    seconds = ttl.integer() if ttl else DEFAULT_TTL_SECONDS
    if not 0 <= seconds <= LONGEST_TTL_SECONDS:
        node.fail(f"authorizerResultTtlInSeconds {seconds} is outside 0 to {LONGEST_TTL_SECONDS}")
    return seconds


def _validation(node: Node) -> re.Pattern[str] | None:
    expression = node.optional("identityValidationExpression")
    if expression is None:
        return None
    try:
        return re.compile(expression.text())
    except re.error as error:
        expression.fail(f"not a regular expression: {error}")


# --- JWT ----------------------------------------------------------------------------------------------------


def _jwt(name: str, node: Node) -> JwtAuthorizer:
    node.only("type", "identitySource", "jwtConfiguration")
    source = node.entry("identitySource")
    match = _HEADER.fullmatch(source.text())
    if match is None:
        source.fail("a JWT authorizer reads one header: method.request.header.NAME")
    configuration = node.entry("jwtConfiguration")
    configuration.only("issuers", "defaultAlgorithms")
    algorithms = frozenset(item.text() for item in configuration.entry("defaultAlgorithms").items())
    if not algorithms or algorithms - _ALGORITHMS:
        configuration.fail(f"defaultAlgorithms must be some of {', '.join(sorted(_ALGORITHMS))}")
    issuers = tuple(_issuer(item) for item in configuration.entry("issuers").items())
    if not issuers:
        configuration.fail("a JWT authorizer needs an issuer")
    _check_unique(configuration, [issuer.issuer for issuer in issuers])
    return JwtAuthorizer(name, match.group(1).lower(), issuers, algorithms)


def _check_unique(node: Node, names: Sequence[str]) -> None:
    """Issuer URLs must be unique, and claim names within an issuer (API CreateAuthorizer, JwtConfigurationInput)."""
    for position, name in enumerate(names):
        if name in names[:position]:
            node.fail(f"{name!r} is there twice")


def _issuer(node: Node) -> TrustedIssuer:
    node.only("issuer", "audiences", "additionalClaims")
    issuer = node.entry("issuer")
    if not re.fullmatch(r"https://[^/?#\s@]+(/[^?#\s]*)?", issuer.text()):
        issuer.fail("an issuer is an absolute https URL without user, query or fragment")
    audiences = frozenset(item.text() for item in node.entry("audiences").items())
    if not audiences or "" in audiences:
        node.fail("an issuer needs an audience, and none that is empty")
    listed = node.optional("additionalClaims")
    claims = tuple(_claim(item) for item in listed.items()) if listed else ()
    _check_unique(node, [claim.name for claim in claims])
    return TrustedIssuer(issuer.text(), audiences, claims)


def _claim(node: Node) -> ClaimRule:
    node.only("claimName", "format", "required", "expectedValues")
    name = node.entry("claimName").text()
    if not name or name in _RESERVED_CLAIMS:
        node.fail(f"{name!r} cannot be an additional claim")
    if node.entry("format").text() != "SINGLE_STRING":
        node.fail("the only format is SINGLE_STRING")
    required, expected = node.optional("required"), node.optional("expectedValues")
    values = frozenset(item.text() for item in expected.items()) if expected else frozenset()
    if "" in values:
        node.fail("an expected value cannot be empty")
    return ClaimRule(name, required.boolean() if required else False, values)
