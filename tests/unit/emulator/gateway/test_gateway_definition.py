"""Definitions: what is read, and what is refused rather than silently not enforced.

Source: API Gateway developer guide: api-gateway-swagger-extensions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.definition import ClaimRule, JwtAuthorizer, LambdaAuthorizer, LambdaProxy, Mock, Plan, Quota, Throttle
from emulator.openapi import read_api
from emulator.stages import check_labels, read_stages
from emulator.yaml_source import DefinitionError
from tests.doubles.gateway import AUDIENCE, HERE, ISSUER, read_deployment

VARIABLES = {"region": "us-east-1", "account": "123456789012", "stage": "local", "issuer": ISSUER, "audience": AUDIENCE}


def test_the_sample_is_read_whole() -> None:
    deployment = read_deployment()
    methods = {method.label: method for method in deployment.api.methods}
    listing = methods["GET /things"]
    assert listing.integration == LambdaProxy("sample-local-echo", 1_000)
    assert (set(listing.scopes), listing.api_key_required) == ({"things:read", "things:admin"}, True)
    assert (listing.required_headers, listing.required_query) == (("X-Tenant",), ("q",))
    assert isinstance(methods["ANY /things"].integration, Mock)
    assert methods["GET /slow"].integration == LambdaProxy("sample-local-echo", 50)
    assert isinstance(listing.authorizer, JwtAuthorizer)
    assert listing.authorizer.issuers[0].claims == (
        ClaimRule("token_use", True, frozenset({"access"})),
        ClaimRule("region", False, frozenset()),
    )
    assert deployment.plans["small"] == Plan(
        "small", Throttle(2, 5), Quota(8, "DAY"), {"GET /things/{id}": Throttle(1, 1)}
    )
    assert deployment.account == Throttle(10_000, 5_000)


API_MISTAKES = [
    (" type: jwt\n", " type: cognito_user_pools\n", "authorizer type 'cognito_user_pools' is not enforced here"),
    (
        " type: jwt\n",
        " type: jwt\n        authorizerResultTtlInSeconds: 300\n",
        "`authorizerResultTtlInSeconds` is not one of",
    ),
    ("identitySource: method.request.header.Authorization", "identitySource: $request.query.a", "identitySource"),
    ("issuer: ${issuer}", "issuer: http://issuer.test", "absolute https URL"),
    ("issuer: ${issuer}", "issuer: https://issuer.test?a=b", "absolute https URL"),
    ("issuer: ${issuer}", "issuer: https://me@issuer.test", "without user, query or fragment"),
    ("audiences: ['${audience}', other]", "audiences: []", "needs an audience"),
    ("audiences: ['${audience}', other]", "audiences: ['']", "none that is empty"),
    ("issuers:", "issuers:\n            - {issuer: '${issuer}', audiences: [x]}", "is there twice"),
    ("claimName: region", "claimName: token_use", "'token_use' is there twice"),
    ("expectedValues: [access]", "expectedValues: ['']", "an expected value cannot be empty"),
    ("[ES256, RS256]", "[HS256]", "defaultAlgorithms"),
    ("[ES256, RS256]", "[]", "defaultAlgorithms"),
    ("claimName: region", "claimName: scope", "cannot be an additional claim"),
    ("claimName: region, format: SINGLE_STRING", "claimName: region, format: LIST", "SINGLE_STRING"),
    ("{jwt: ['things:write'], api_key: []}", "{jvt: []}", "no security scheme 'jvt'"),
    ("[{jwt: ['things:write'], api_key: []}]", "[{jwt: []}, {api_key: []}]", "one security requirement"),
    ("name: x-api-key", "name: x-other", "it would not be enforced here"),
    ("type: aws_proxy", "type: http_proxy", "an HTTP integration has an absolute http or https URI"),
    ("type: aws_proxy", "type: aws", "'aws' is not served here"),
    (":lambda:path/", ":sqs:path/", "not the invocation URI"),
    ("timeoutInMillis: 50}", "timeoutInMillis: 49}", "49 ms is outside 50 to 29000"),
    ("timeoutInMillis: 50}", "timeoutInMillis: 29001}", "29001 ms is outside"),
    ("x-amazon-apigateway-request-validator: all", "x-amazon-apigateway-request-validator: al", "no request validator"),
    ("THROTTLED:", "THROTLED:", "no gateway response of this type"),
    ("\"'1'\"", "'1'", "is not served here"),
    ("'#/components/parameters/Tenant'", "'other.yaml#/Tenant'", "only references within the file"),
    ("'#/components/parameters/Tenant'", "'#/components/parameters/Other'", "`Other` is missing"),
    ("info: {title: sample, version: '1'}", "info: {title: sample, title: '1'}", "is there twice"),
    ("info: {title: sample, version: '1'}", "info: [", "line"),
    ("${issuer}", "${isuer}", "no value given for ${isuer}"),
    ("/open:\n", "open:\n", "a path starts with /"),
    ("openapi: 3.0.1", "x-amazon-apigateway-minimum-compression-size: -1\nopenapi: 3.0.1", "0 to 10485760 bytes"),
    ("openapi: 3.0.1", "x-amazon-apigateway-policy: {}\nopenapi: 3.0.1", "this extension is not enforced here"),
    ("openapi: 3.0.1", "x-amazon-apigateway-api-key-source: AUTHORIZER\nopenapi: 3.0.1", "everybody would be refused"),
    ("openapi: 3.0.1", "x-amazon-apigateway-api-key-source: QUERY\nopenapi: 3.0.1", "from the AUTHORIZER"),
    ("operationId: things.list", "x-amazon-apigateway-auth: {type: AWS_IAM}", "this extension is not enforced here"),
    (
        "timeoutInMillis: 1000",
        "contentHandling: CONVERT_TO_BINARY",
        "contentHandling 'CONVERT_TO_BINARY' is not served here",
    ),
]


@pytest.mark.parametrize(("good", "bad", "complaint"), API_MISTAKES)
def test_mistakes_in_the_api_are_named_with_file_and_place(tmp_path: Path, good: str, bad: str, complaint: str) -> None:
    text = (HERE / "gateway_api.yaml").read_text()
    assert good in text
    file = tmp_path / "api.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(DefinitionError) as caught:
        read_api(file, VARIABLES, 29_000)
    assert str(file) in str(caught.value)
    assert complaint in str(caught.value)


AUTHORIZER_MISTAKES = [
    ("authorizerResultTtlInSeconds: 60", "authorizerResultTtlInSeconds: 3601", "3601 is outside 0 to 3600"),
    ("authorizerResultTtlInSeconds: 60", "authorizerResultTtlInSeconds: -1", "-1 is outside 0 to 3600"),
    ("authorizerResultTtlInSeconds: 60", "authorizerResultTTLInSeconds: 60", "is not one of"),
    ("identitySource: method.request.header.X-Token\n", "identitySource: method.request.querystring.a\n", "one header"),
    (
        "identityValidationExpression: '[a-z]+( again)?'",
        "identityValidationExpression: '['",
        "not a regular expression",
    ),
    ("context.identity.sourceIp", "method.request.path.id", "cannot be an identity source"),
    ("context.identity.sourceIp", "", "cannot be an identity source"),
    (
        "authorizerResultTtlInSeconds: 0\n    missing",
        "authorizerResultTtlInSeconds: 1\n    missing",
        "needs an identitySource",
    ),
    (":function:rule/", ":function:rule/alias/", "not the invocation URI"),
    ("type: request", "type: request\n        identityValidationExpression: a", "does not apply to a REQUEST"),
    ("[{token: []}]", "[{token: [a]}]", "they would not be enforced"),
    ("[{token: [], api_key: []}]", "[{api_key: []}]", "everybody would be refused"),
]


@pytest.mark.parametrize(("good", "bad", "complaint"), AUTHORIZER_MISTAKES)
def test_mistakes_in_lambda_authorizers_are_named(tmp_path: Path, good: str, bad: str, complaint: str) -> None:
    text = (HERE / "gateway_authorizers.yaml").read_text()
    assert good in text
    file = tmp_path / "api.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(DefinitionError, match=str(file)) as caught:
        read_api(file, VARIABLES, 29_000)
    assert complaint in str(caught.value)


def test_lambda_authorizers_are_read_whole() -> None:
    deployment = read_deployment(HERE / "gateway_authorizers.yaml", HERE / "gateway_authorizers_stages.yaml")
    methods = {method.label: method for method in deployment.api.methods}
    sources = ("header.X-Token", "querystring.who")
    assert methods["GET /request/{id}"].authorizer == LambdaAuthorizer(
        name="request",
        function="rule",
        kind="REQUEST",
        sources=(*(f"method.request.{s}" for s in sources), "stageVariables.tier", "context.identity.sourceIp"),
        ttl_seconds=3_600,
    )
    assert methods["GET /token"].functions == ("rule", "echo")
    assert deployment.api.key_source == "AUTHORIZER"
    assert read_deployment().api.issuers == {ISSUER}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("openapi: 3.0.1\ninfo:\n  title: [x]\n", 3),
        ("info: {title: x}\npaths:\n  /a:\n    get: {}\n", 4),
        ("info: {title: x}\npaths:\n  a: {}\n", 3),
        ("info: {title: x}\nsecurity:\n  - {}\n  - {}\npaths: {}\nx-amazon-apigateway-policy: {}\n", 6),
        ("info: {title: x}\npaths: &p\n  <<: {/a: {get: 7}}\n", 2),
    ],
)
def test_the_line_is_named_too(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_api(file, VARIABLES, 29_000)
    assert str(caught.value).startswith(f"{file}:{line}: ")


STAGE_MISTAKES = [
    ("rate: 1000, burst: 500", "rate: 1000, bust: 500", "`bust` is not one of"),
    ("rate: 1000, burst: 500", "rate: 1000", "`burst` is missing"),
    ("rate: 1000, burst: 500", "rate: -1, burst: 500", "at least 0"),
    ("rate: 1000, burst: 500", "rate: 1000, burst: 1.5", "whole number"),
    ("period: DAY}", "period: HOUR}", "'HOUR' is not one of"),
    ("GET /things/special", "/things/special", "VERB /resource"),
    ("{rate: 1, burst: 2}", "{rate: 1, burst: 2, metrics: 1}", "true or false"),
    ("{rate: 1, burst: 2}", "{burst: 2, metrics: true}", "`rate` is missing"),
    ("{rate: 1, burst: 1}", "{rate: 1, burst: 1, metrics: true}", "`metrics` is not one of"),
    (
        "    methods: {",
        "    variables: {host: 'a b'}\n    methods: {",
        "stages > local > variables > host: a stage variable",
    ),
    ("account:", "acount:", "`acount` is not one of"),
    ("  local:", "  other:", "there is no stage 'local'"),
    ("integration_timeout_default_ms: 2000", "integration_timeout_default_ms: 30000", "outside"),
]


@pytest.mark.parametrize(("good", "bad", "complaint"), STAGE_MISTAKES)
def test_mistakes_in_the_stages_are_named_with_file_and_place(
    tmp_path: Path, good: str, bad: str, complaint: str
) -> None:
    text = (HERE / "gateway_stages.yaml").read_text()
    assert good in text
    file = tmp_path / "stages.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(DefinitionError) as caught:
        read_stages(file, "local", VARIABLES)
    assert str(file) in str(caught.value)
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"nowhere\.yaml"):
        read_api(tmp_path / "nowhere.yaml", VARIABLES, 29_000)


def test_a_limit_for_a_method_that_is_not_there_is_refused() -> None:
    deployment = read_deployment()
    stage = replace(deployment.stage, methods={"GET /opne": Throttle(1, 1)})
    with pytest.raises(DefinitionError, match="the API has no 'GET /opne'"):
        check_labels(HERE, deployment.api, stage, {})


def test_the_project_s_own_definitions_are_served() -> None:
    root = HERE.parent.parent / "infra"
    stage, plans, account = read_stages(root / "stages.yaml", "local", VARIABLES)
    api = read_api(root / "api.yaml", VARIABLES, stage.integration_timeout_ms)
    check_labels(root / "stages.yaml", api, stage, plans)
    assert {"sandbox", "trial"} <= plans.keys()
    assert account is not None
    assert all(method.authorizer is not None for method in api.methods if method.scopes)
