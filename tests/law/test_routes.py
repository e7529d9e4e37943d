"""Routes, operations, scopes and tests agree: each route has one of each, and none of them is without a route."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from chalicelib.tokens.scopes import SCOPES
from tests.law.source import ROOT

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
OPEN = {"POST /oauth2/token", "GET /v1/health"}
"""Routes for everybody: a new one is a decision, made here."""

IN_FUNCTION = {"external:write"}
"""Scopes that a function asks for, because they depend on the body."""

Served = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offered:
    """A route as the definition has it."""

    route: str
    operation: str
    scopes: tuple[str, ...]
    needs_api_key: bool


def _offered(api: Mapping[str, Any]) -> list[Offered]:
    return [
        _route(f"{verb.upper()} {path}", item[verb])
        for path, item in api["paths"].items()
        for verb in VERBS
        if verb in item
    ]


def _route(route: str, operation: Mapping[str, Any]) -> Offered:
    security = operation.get("security") or [{}]
    scopes = tuple(scope for need in security for scope in need.get("jwt", ()))
    return Offered(route, operation["operationId"], scopes, all("api_key" in need for need in security))


def _served() -> dict[str, str]:
    """Return "<room>.<verb>" by route, as the rooms' entrypoints have them; the verb is the name of its module."""
    rooms = [path.parent.name for path in (ROOT / "chalicelib").glob("*/entrypoint.py")]
    modules = [import_module(f"chalicelib.{room}.entrypoint") for room in rooms]
    return {
        route: ".".join(entry.operation.__module__.split(".")[1:])
        for module in modules
        if hasattr(module, "service")  # a room behind a stream has none
        for route, entry in module.service.routes.items()
    }


def _broken(offered: list[Offered], served: Served, tests: Path) -> Iterator[str]:
    operations = {one.route: one.operation for one in offered}
    for route in operations.keys() - served.keys():
        yield f"{route}: no function serves it: add it to the room's entrypoint.py, or take it out of api.yaml"
    for route in served.keys() - operations.keys():
        yield f"{route}: nobody can reach it: add it to infra/api.yaml, or take it out of the entrypoint"
    for route in operations.keys() & served.keys():
        if operations[route] != served[route]:
            yield f"{route}: api.yaml calls it {operations[route]}, the room {served[route]}"
    for one in offered:
        yield from _unguarded(one)
    for operation in {*operations.values(), *served.values()}:
        yield from _untested(operation, tests)


def _unguarded(one: Offered) -> Iterator[str]:
    if one.route in OPEN:
        return
    room = one.operation.partition(".")[0]
    wanted = f"{room}:{'read' if one.route.startswith('GET ') else 'write'}"
    if one.scopes != (wanted,) or wanted not in SCOPES:
        yield f"{one.route}: asks for {one.scopes}, not for {wanted}"
    if not one.needs_api_key:
        yield f"{one.route}: needs no API key, so no usage plan holds for it"


def _untested(operation: str, tests: Path) -> Iterator[str]:
    room, verb = operation.split(".")
    test = tests / room / f"test_{verb}.py"
    if not test.is_file() or f"{verb}" not in test.read_text() or "def test_" not in test.read_text():
        yield f"{operation}: no test of its own: write tests/unit/{room}/test_{verb}.py"


API: Mapping[str, Any] = yaml.safe_load((ROOT / "infra" / "api.yaml").read_text())
TESTS = ROOT / "tests" / "unit"


def test_they_agree() -> None:
    offered = _offered(API)
    assert offered
    broken = sorted(_broken(offered, _served(), TESTS))
    assert not broken, "\n".join(broken)


def test_every_scope_is_asked_for_somewhere() -> None:
    asked = {scope for one in _offered(API) for scope in one.scopes}
    assert asked | IN_FUNCTION == set(SCOPES)


def test_every_verb_of_a_room_has_a_route() -> None:
    tested = {f"{path.parent.name}.{path.stem.removeprefix('test_')}" for path in TESTS.glob("*/test_*.py")}
    rooms = {path.parent.name for path in (ROOT / "chalicelib").glob("*/entrypoint.py")}
    nouns = {path.stem for room in rooms for path in (ROOT / "chalicelib" / room).glob("*.py")}
    unknown = {one for one in tested if one.split(".")[0] in rooms and one.split(".")[1] not in nouns}
    assert not unknown, "a test of a file that does not exist"


def test_a_route_without_function_test_scope_and_key_is_found(tmp_path: Path) -> None:
    planted = _route("POST /v1/payments/{id}/void", {"operationId": "payments.void", "security": []})
    found = "\n".join(_broken([planted], {}, tmp_path))
    for said in ("no function serves it", "no test of its own", "not for payments:write", "needs no API key"):
        assert said in found


def test_an_operation_without_route_is_found() -> None:
    served = {"POST /v1/payments/{id}/void": "payments.create"}
    assert list(_broken([], served, TESTS)) == [
        "POST /v1/payments/{id}/void: nobody can reach it: add it to infra/api.yaml, or take it out of the entrypoint"
    ]


def test_a_route_that_reaches_another_operation_is_found() -> None:
    served = _served() | {"POST /v1/payments": "payments.capture"}
    assert list(_broken(_offered(API), served, TESTS)) == [
        "POST /v1/payments: api.yaml calls it payments.create, the room payments.capture"
    ]


def test_a_read_scope_on_a_write_is_found() -> None:
    weak = Offered("POST /v1/refunds", "refunds.create", ("refunds:read",), needs_api_key=True)
    assert "not for refunds:write" in "\n".join(_unguarded(weak))
