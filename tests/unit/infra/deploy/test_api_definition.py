"""api.yaml as API Gateway's operations have it, and what of a definition cannot be deployed."""

from pathlib import Path

import pytest

from infra.deploy.api_definition import ApiDefinition, read_definition, referred
from infra.deploy.fault import DeployFault
from tests.doubles.deploy_ground import ACCOUNT, API, REGION, SMALL, VARIABLES, small_definition

JWT = "jwt-"


def read(tmp_path: Path, before: str, after: str) -> ApiDefinition:
    text = SMALL.read_text()
    assert before in text
    file = tmp_path / "api.yaml"
    file.write_text(text.replace(before, after))
    return read_definition(API, VARIABLES, file)


def test_each_part_has_its_name() -> None:
    api = small_definition()
    assert list(api.methods) == ["GET /health", "POST /accounts", "ANY /accounts", "GET /accounts/{id}"]
    assert list(api.resources) == ["/", "/health", "/accounts", "/accounts/{id}"]
    assert api.functions == [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tollgate-dev-accounts:live"]
    write = api.methods["POST /accounts"]
    assert (write["authorizationType"], write["authorizationScopes"], write["apiKeyRequired"]) == (
        "JWT",
        ["accounts:write"],
        True,
    )
    assert write["authorizer"].startswith(JWT)
    assert write["validator"] == "all"
    assert write["requestParameters"] == {"method.request.header.Idempotency-Key": True}
    assert write["requestModels"] == {"application/json": "CreateAccount"}
    assert api.methods["GET /health"]["authorizer"] == ""
    assert api.methods["GET /accounts/{id}"]["requestParameters"] == {
        "method.request.path.id": True, "method.request.querystring.limit": False,
    }  # fmt: skip


def test_what_an_api_does_not_speak_of_is_off() -> None:
    assert small_definition().settings == {
        "apiKeySource": "HEADER", "endpoints": ["REGIONAL"], "binaryMediaTypes": [], "minimumCompressionSize": None,
        "disableExecuteApiEndpoint": False, "policy": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("accounts:write", "accounts:read"),
        ("ES256", "RS256"),
        ("'429'", "'430'"),
        ("29000", "28000"),
        ("amount]", "amount, x]"),
    ],
)
def test_another_api_has_another_digest(tmp_path: Path, before: str, after: str) -> None:
    assert read(tmp_path, before, after).digest() != small_definition().digest()


def test_an_authorizer_is_named_for_what_it_checks(tmp_path: Path) -> None:
    (name,) = small_definition().authorizers
    (other,) = read(tmp_path, "[access]", "[refresh]").authorizers
    assert name != other
    assert other.startswith(JWT)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("${audience}", "${other}", "api.yaml has the variable 'other', which a deployment does not know"),
        ("info:", "x-amazon-apigateway-policy: {}\ninfo:", "has x-amazon-apigateway-policy, which is not deployed"),
        ("    Money:", "    Error: {}\n    Money:", "has a schema Error, the name of one of API Gateway's own"),
        (
            "passthroughBehavior: never",
            "connectionType: VPC_LINK",
            "has connectionType in ANY /accounts, which is not deployed",
        ),
        (
            "x-amazon-apigateway-integration: *accounts\ncomponents",
            "x-unknown: 1\ncomponents",
            "has no integration in GET /accounts/{id}",
        ),
        ("    statusCode: '429'\n", "", "has no statusCode in the gateway response THROTTLED"),
        ("openapi: 3.0.1", "openapi: {", "api.yaml is no YAML: "),
    ],
)
def test_what_cannot_be_deployed_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(DeployFault) as told:
        read(tmp_path, before, after)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_schema_tells_what_it_refers_to() -> None:
    one = {"$ref": "#/components/schemas/One"}
    assert referred({"a": [one, {"b": {"$ref": "#/components/schemas/Two"}}], "$ref": {"type": "string"}}) == {
        "One",
        "Two",
    }
