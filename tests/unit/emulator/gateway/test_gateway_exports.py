"""Definitions as the console writes them and AWS exports them: CORS by MOCK, functions named by stage variables.

Sources: API Gateway developer guide: how-to-cors and set-stage-variables.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.yaml_source import DefinitionError
from tests.doubles.gateway import Rig, header, read_deployment

API = """
openapi: 3.0.1
info: {title: exported, version: "2026-11-23T10:00:00Z"}
servers:
  - url: https://abcdef1234.execute-api.us-east-1.amazonaws.com/{basePath}
    variables: {basePath: {default: dev}}
paths:
  /pets:
    get:
      responses: {"200": {description: 200 response, content: {}}}
      x-amazon-apigateway-integration:
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\\
          arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.pets}:${stageVariables.alias}/invocations"
        responses: {default: {statusCode: "200"}}
        passthroughBehavior: when_no_match
        contentHandling: CONVERT_TO_TEXT
        type: aws_proxy
    options:
      responses:
        "200":
          description: 200 response
          headers:
            Access-Control-Allow-Origin: {schema: {type: string}}
            Access-Control-Allow-Methods: {schema: {type: string}}
            Access-Control-Allow-Headers: {schema: {type: string}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Empty"}}}
      x-amazon-apigateway-integration:
        responses:
          default:
            statusCode: "200"
            responseParameters:
              method.response.header.Access-Control-Allow-Methods: "'GET,OPTIONS'"
              method.response.header.Access-Control-Allow-Headers: "'Content-Type,Authorization,X-Api-Key'"
              method.response.header.Access-Control-Allow-Origin: "'*'"
        requestTemplates: {application/json: '{"statusCode": 200}'}
        passthroughBehavior: when_no_match
        type: mock
components: {schemas: {Empty: {title: Empty Schema, type: object}}}
"""
STAGES = "stages: {local: {variables: {pets: pets-v2, alias: live}}}"


@pytest.fixture
def exported(tmp_path: Path) -> Rig:
    (tmp_path / "api.yaml").write_text(API)
    (tmp_path / "stages.yaml").write_text(STAGES)
    return Rig(tmp_path, read_deployment(tmp_path / "api.yaml", tmp_path / "stages.yaml"))


def test_a_preflight_is_answered_without_a_function(exported: Rig) -> None:
    """Source: "Enable CORS for REST APIs": OPTIONS is a MOCK that answers with the three headers, without credentials."""
    asked = {"Origin": "https://shop.test", "Access-Control-Request-Method": "GET"}
    reply = exported.ask("OPTIONS", "/pets", headers=asked)
    assert (reply.status, reply.body) == (200, b"")
    assert header(reply, "Access-Control-Allow-Origin") == "*"
    assert header(reply, "Access-Control-Allow-Methods") == "GET,OPTIONS"
    assert header(reply, "Access-Control-Allow-Headers") == "Content-Type,Authorization,X-Api-Key"
    assert not exported.functions.names


def test_the_answer_itself_allows_only_what_the_function_says(exported: Rig) -> None:
    reply = exported.ask("GET", "/pets", headers={"Origin": "https://shop.test"})
    assert header(reply, "Access-Control-Allow-Origin") is None


def test_a_function_is_named_by_the_stage(exported: Rig) -> None:
    """Source: "Stage variables": `${stageVariables.name}` in the ARN of a function."""
    event = exported.event("GET", "/pets")
    assert exported.functions.names == ["pets-v2:live"]
    assert event["stageVariables"] == {"pets": "pets-v2", "alias": "live"}


def test_a_stage_without_the_variable_cannot_serve_it(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(API)
    (tmp_path / "stages.yaml").write_text("stages: {local: {variables: {pets: pets-v2}}}")
    with pytest.raises(DefinitionError, match=r"no value given for \$\{stageVariables.alias\}"):
        read_deployment(tmp_path / "api.yaml", tmp_path / "stages.yaml")
