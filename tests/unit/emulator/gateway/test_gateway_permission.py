"""A function that does not let itself be invoked is a 500 for the client, and nobody runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from emulator.definition import LambdaAuthorizer, LambdaProxy
from emulator.gateway.chain import Gateway
from emulator.openapi import read_api
from tests.doubles.gateway import ACCOUNT, Rig, Ruled, header, message, read_deployment

API = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:sample0000"
PROXY = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:{}/invocations"


def definition(folder: Path, **role: str) -> Path:
    authorizer = {"type": "token", "authorizerUri": PROXY.format("judge"), "authorizerResultTtlInSeconds": 0}
    scheme = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom"}
    if role:
        authorizer["authorizerCredentials"] = role["role"]
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": PROXY.format("f:live"),
        **({"credentials": role["role"]} if role else {}),
    }
    method = {"x-amazon-apigateway-integration": integration, "responses": {}, "security": [{"judge": []}]}
    document = {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/things/{id}": {"get": method},
            "/any": {"x-amazon-apigateway-any-method": {**method, "security": []}},
        },
        "components": {"securitySchemes": {"judge": {**scheme, "x-amazon-apigateway-authorizer": authorizer}}},
    }
    file = folder / "api.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


class Policies:
    """Notes what is asked, and allows what it is told to."""

    def __init__(self, rig: Rig, *allowed: tuple[str, str]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.allowed = allowed
        rig.functions.handler = Ruled()
        rig.gateway = Gateway(rig.deployment, replace(rig.around, permits=self))

    def __call__(self, function: str, source_arn: str) -> bool:
        self.asked.append((function, source_arn))
        return (function, source_arn) in self.allowed


def rig(folder: Path, **role: str) -> Rig:
    deployment = read_deployment()
    api = read_api(definition(folder, **role), {}, 29_000)
    return Rig(folder, replace(deployment, api=api, authorizer_ids={"judge": "abc123"}, plans={}))


JUDGE = ("judge", f"{API}/authorizers/abc123")
THING = ("f:live", f"{API}/local/GET/things/{{id}}")
ASKED = {"Authorization": "x"}


def test_who_is_allowed_is_invoked(tmp_path: Path) -> None:
    one = rig(tmp_path)
    policies = Policies(one, JUDGE, THING)
    assert one.ask("GET", "/things/7", headers=ASKED).status == 200
    assert policies.asked == [JUDGE, THING]
    assert one.functions.names == ["judge", "f:live"]


@pytest.mark.parametrize(("allowed", "run"), [([THING], []), ([JUDGE], ["judge"]), ([], [])])
def test_who_is_not_allowed_is_not(tmp_path: Path, allowed: list[tuple[str, str]], run: list[str]) -> None:
    one = rig(tmp_path)
    Policies(one, *allowed)
    reply = one.ask("GET", "/things/7", headers=ASKED)
    assert reply.status == 500
    assert header(reply, "x-amzn-ErrorType") in {"InternalServerErrorException", "AuthorizerConfigurationException"}
    assert message(reply) in {"Internal server error", None}
    assert one.functions.names == run


def test_the_method_that_is_asked_for_is_named(tmp_path: Path) -> None:
    one = rig(tmp_path)
    policies = Policies(one)
    for verb in ("PUT", "GET"):
        assert one.ask(verb, "/any").status == 500
    assert policies.asked == [("f:live", f"{API}/local/PUT/any"), ("f:live", f"{API}/local/GET/any")]


def test_in_the_name_of_a_role_no_policy_is_asked(tmp_path: Path) -> None:
    one = rig(tmp_path, role="arn:aws:iam::123456789012:role/r")
    policies = Policies(one)
    assert one.ask("GET", "/things/7", headers=ASKED).status == 200
    assert policies.asked == []
    (method,) = [row for row in one.deployment.api.methods if row.label == "GET /things/{id}"]
    assert isinstance(method.integration, LambdaProxy)
    assert method.integration.by_role
    assert isinstance(method.authorizer, LambdaAuthorizer)
    assert method.authorizer.by_role


def test_functions_of_the_source_tree_have_no_policies(tmp_path: Path) -> None:
    assert rig(tmp_path).ask("PUT", "/any").status == 200
