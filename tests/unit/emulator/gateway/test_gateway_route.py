"""Static before variable before greedy, a method before ANY, and 403 for what is not there.

Source: API Gateway developer guide: api-gateway-set-up-simple-proxy.
"""

from __future__ import annotations

import pytest

from emulator.definition import LambdaProxy, Method
from emulator.gateway.route import Router
from tests.doubles.gateway import Rig, header, message, signed


@pytest.mark.parametrize(
    ("method", "path", "resource", "parameters"),
    [
        ("GET", "/open", "/open", None),
        ("GET", "/things/special", "/things/special", None),
        ("DELETE", "/things/a", "/things/{id}", {"id": "a"}),
        ("DELETE", "/things/a%20%C3%A9+b", "/things/{id}", {"id": "a é+b"}),
        ("DELETE", "/things/a;b=c,d", "/things/{id}", {"id": "a;b=c,d"}),
        ("GET", "/things/a/parts/b", "/things/{id}/parts/{part}", {"id": "a", "part": "b"}),
        ("GET", "/things/special/parts/b", "/things/{id}/parts/{part}", {"id": "special", "part": "b"}),
        ("GET", "/files/a/b/c", "/files/{rest+}", {"rest": "a/b/c"}),
        ("PUT", "/files/a", "/files/{rest+}", {"rest": "a"}),
    ],
)
def test_the_most_specific_resource_wins(
    rig: Rig, method: str, path: str, resource: str, parameters: dict[str, str] | None
) -> None:
    event = rig.event(method, path, headers=signed())
    assert (event["resource"], event["pathParameters"], event["path"]) == (resource, parameters, path)
    assert event["requestContext"]["resourcePath"] == resource


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", "/Open"),
        ("GET", "/open/"),
        ("GET", "/open/more"),
        ("DELETE", "/open"),
        ("get", "/open"),
        ("HEAD", "/open"),
        ("OPTIONS", "/open"),
        ("DELETE", "/things/special"),
        ("GET", "/things/a/parts"),
        ("GET", "/files"),
    ],
)
def test_an_unknown_path_or_method_is_403(rig: Rig, method: str, path: str) -> None:
    reply = rig.ask(method, path, headers=signed())
    assert (reply.status, message(reply)) == (403, "Missing Authentication Token")
    assert header(reply, "x-amzn-ErrorType") == "MissingAuthenticationTokenException"


def test_any_answers_where_no_method_does(rig: Rig) -> None:
    assert rig.event("PATCH", "/files/x")["httpMethod"] == "PATCH"


def test_two_names_for_one_place_are_refused() -> None:
    methods = [Method("GET", path, LambdaProxy("f", 1_000)) for path in ("/a/{id}", "/a/{other}/b")]
    with pytest.raises(ValueError, match="already stands"):
        Router.of(methods)
