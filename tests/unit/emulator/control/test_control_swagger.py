"""Swagger 2 as Chalice writes it is served as the gateway serves the Chalice project itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chalice import AuthResponse, Chalice, CORSConfig, IAMAuthorizer
from chalice.deploy.swagger import SwaggerGenerator

from emulator.chalice_project import _as_openapi_3
from emulator.definition import Api
from emulator.openapi import read_api
from tests.doubles.control_planes import Apis, refused

DEPLOYED = {
    "api_handler_name": "app-dev",
    "api_handler_arn": "arn:aws:lambda:us-east-1:123456789012:function:app-dev",
    "lambda_functions": {"app-dev-guard": {"arn": "arn:aws:lambda:us-east-1:123456789012:function:app-dev-guard"}},
}


def small_app() -> Chalice:
    app = Chalice("app")
    app.api.binary_types = ["image/png"]

    @app.authorizer(name="guard", ttl_seconds=30)
    def guard(request: Any) -> AuthResponse:
        return AuthResponse(routes=["*"], principal_id="a")

    @app.route("/", cors=True)
    def index() -> None: ...

    @app.route("/things/{name}", methods=["GET", "PUT"], authorizer=guard, api_key_required=True)
    def thing(name: str) -> None: ...

    @app.route(
        "/shared", methods=["POST"], content_types=["text/plain"], cors=CORSConfig(allow_origin="https://a.test")
    )
    def shared() -> None: ...

    return app


def written(app: Chalice) -> dict[str, Any]:
    found: dict[str, Any] = SwaggerGenerator("us-east-1", DEPLOYED).generate_swagger(app)
    return found


def methods(api: Api) -> dict[str, Any]:
    """What each method is, without what only tells one object from another."""
    return {
        one.label: (
            one.integration,
            one.api_key_required,
            one.scopes,
            one.validates_body,
            one.models,
            (one.authorizer.name, one.authorizer.function, one.authorizer.ttl_seconds, one.authorizer.sources)  # type: ignore[union-attr]
            if one.authorizer
            else None,
        )
        for one in api.methods
    }


def test_it_is_served_as_the_project_is(tmp_path: Path) -> None:
    swagger = written(small_app())
    file = tmp_path / "project.json"
    file.write_text(json.dumps(_as_openapi_3(swagger)))
    as_project = read_api(file, {}, 29_000)

    apis = Apis(tmp_path / "kept")
    api_id = apis.do(
        "ImportRestApi", body=json.dumps(swagger).encode(), parameters={"endpointConfigurationTypes": "EDGE"}
    )["id"]
    apis.deploy(api_id, "api")
    gateway = apis.live.gateway((api_id, "api"))
    assert gateway is not None
    deployed = gateway.deployment.api
    assert {"GET /", "OPTIONS /", "GET /things/{name}", "PUT /things/{name}", "POST /shared"} <= methods(
        deployed
    ).keys()
    assert methods(deployed) == methods(as_project)
    assert deployed.binary_media_types == as_project.binary_media_types
    assert deployed.key_source == as_project.key_source
    assert apis.ask("OPTIONS", f"/_aws/execute-api/{api_id}/api/shared").status == 200


def test_iam_is_refused_with_words(tmp_path: Path) -> None:
    app = Chalice("app")

    @app.route("/", authorizer=IAMAuthorizer())
    def index() -> None: ...

    with refused("BadRequestException", "'sigv4' is not enforced here"):
        Apis(tmp_path).do("ImportRestApi", body=json.dumps(written(app)).encode())


@pytest.mark.parametrize(("place", "kind"), [("operation", "text/plain"), ("top", "application/xml")])
def test_a_body_has_the_model_of_each_type_that_is_consumed(tmp_path: Path, place: str, kind: str) -> None:
    body = {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Thing"}}
    operation: dict[str, Any] = {"parameters": [body], "x-amazon-apigateway-integration": {"type": "mock"}}
    swagger: dict[str, Any] = {
        "swagger": "2.0",
        "info": {"title": "a"},
        "consumes": ["application/xml"],
        "paths": {"/a": {"post": operation}},
        "definitions": {"Thing": {"type": "object"}},
    }
    if place == "operation":
        operation["consumes"] = [kind]
    apis = Apis(tmp_path)
    api_id = apis.do("ImportRestApi", body=json.dumps(swagger).encode())["id"]
    at = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a"), "httpMethod": "POST"}
    assert apis.do("GetMethod", **at)["requestModels"] == {kind: "Thing"}
