"""Whatever is defined can be deployed, reads back as it was defined, and can be deployed over anything else."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.deploy.api_definition import FILE, read_definition
from infra.deploy.api_step import ApiStep
from infra.deploy.course import take
from tests.doubles.deploy_ground import API, VARIABLES, Ground

FUNCTION = (
    "arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:${region}:${account}:function:tollgate-${stage}-accounts:live/invocations"
)
X = "x-amazon-apigateway"
PARTS = st.sampled_from(["a", "b", "{id}", "a-b", "v1"])
PATHS = st.lists(PARTS, max_size=3, unique=True).map(lambda parts: "/" + "/".join(parts))
NAMES = ("Money", "Account")


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in names}


PARAMETERS = st.lists(
    st.builds(
        lambda name, place, required: {"name": name, "in": place, "required": required, "schema": {"type": "string"}},
        st.sampled_from(["X-One", "x_two", "Idempotency-Key"]), st.sampled_from(["header", "query"]), st.booleans(),
    ),
    max_size=2,
    unique_by=lambda row: (row["name"], row["in"]),
)  # fmt: skip
SCHEMAS = st.sampled_from(
    [
        {"type": "object"},
        {"$ref": "#/components/schemas/Money"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Account"}},
    ]
)
SECURITY = st.sampled_from(
    [
        [],
        [{"api_key": []}],
        [{"jwt": []}],
        [{"jwt": ["a:read"], "api_key": []}],
        [{"jwt": ["b:x", "a:y"], "api_key": []}],
    ]
)


@st.composite
def functions(draw: st.DrawFn) -> dict[str, Any]:
    """A method with a function behind it."""
    operation: dict[str, Any] = {
        "operationId": draw(st.sampled_from(["accounts.read", "one", "a_b.c"])),
        "security": draw(SECURITY),
        "parameters": draw(PARAMETERS),
        f"{X}-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": FUNCTION,
            "passthroughBehavior": draw(st.sampled_from(["when_no_match", "never", "when_no_templates"])),
            "timeoutInMillis": draw(st.integers(50, 29_000)),
        },
    }
    if draw(st.booleans()):
        operation["requestBody"] = {"content": {"application/json": {"schema": draw(SCHEMAS)}}}
    if draw(st.booleans()):
        operation[f"{X}-request-validator"] = draw(st.sampled_from(["all", "none"]))
    return operation


@st.composite
def mocks(draw: st.DrawFn) -> dict[str, Any]:
    """A method that API Gateway answers by itself."""
    names = draw(st.lists(st.sampled_from(["Allow", "X-Own"]), unique=True))
    answer = {
        "statusCode": "405",
        "responseParameters": {f"method.response.header.{name}": "'x'" for name in names},
        "responseTemplates": draw(st.sampled_from([{}, {"application/json": '{"a": 1}'}])),
    }
    return {
        "security": [],
        "responses": {"405": {"description": "no", "headers": _headers(names)}, "default": {"description": "x"}},
        f"{X}-integration": {
            "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 405}'}, "responses": {"default": answer},
        },
    }  # fmt: skip


ITEMS = st.fixed_dictionaries(
    {"get": functions()}, optional={"post": functions(), f"{X}-any-method": mocks(), "delete": mocks()}
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A small API."""
    audiences = draw(st.lists(st.sampled_from(["api", "other"]), min_size=1, unique=True))
    issuer = {"issuer": "${issuer}", "audiences": audiences}
    trusted = {"issuers": [issuer], "defaultAlgorithms": ["ES256"]}
    authorizer = {"type": "jwt", "identitySource": "method.request.header.Authorization", "jwtConfiguration": trusted}
    on = draw(st.booleans())
    templates = st.fixed_dictionaries({}, optional={"responseTemplates": st.just({"application/json": "{}"})})
    throttled = templates.map(lambda row: {**row, "statusCode": 429})
    paths = draw(st.dictionaries(PATHS.filter(lambda path: path.count("{") < 2), ITEMS, min_size=1, max_size=3))
    return {
        f"{X}-request-validators": {
            "all": {"validateRequestBody": on, "validateRequestParameters": True},
            "none": {"validateRequestBody": False, "validateRequestParameters": False},
        },
        f"{X}-gateway-responses": draw(
            st.fixed_dictionaries({}, optional={"THROTTLED": throttled, "DEFAULT_4XX": templates})
        ),
        f"{X}-binary-media-types": draw(st.sampled_from([[], ["image/png"], ["*/*", "image/png"]])),
        f"{X}-minimum-compression-size": draw(st.sampled_from([None, 0, 1024])),
        "paths": paths,
        "components": {
            "schemas": {
                "Account": {"type": "object", "properties": {"limit": {"$ref": "#/components/schemas/Money"}}},
                "Money": {"type": "object", "required": draw(st.sampled_from([[], ["amount"]]))},
            },
            "securitySchemes": {"jwt": {f"{X}-authorizer": authorizer}, "api_key": {"type": "apiKey"}},
        },
    }


@pytest.fixture(scope="module")
def shell(served: Ground) -> Ground:
    """An API without anything in it; every example is deployed over the one before."""
    take([served.shell()])
    return served


# One example takes as many calls as a deployment: what fails is shown as it is.
@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(definition=definitions())
def test_what_is_deployed_reads_back_as_it_was_defined(
    shell: Ground, tmp_path: Path, definition: dict[str, Any]
) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(yaml.safe_dump(definition))
    step = ApiStep(shell.gateway, read_definition(API, VARIABLES, file))
    if step.differences():
        step.apply()
    assert step.differences() == []


def test_the_platforms_own_definition_reads_back(shell: Ground) -> None:
    step = ApiStep(shell.gateway, read_definition(API, VARIABLES, FILE))
    take([step])
    assert step.differences() == []
