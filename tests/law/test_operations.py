"""One operation, one file, one test: the definitions, the rooms and the tests name the same things."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.law.source import ROOT

ROOMS = ("accounts", "payments", "refunds", "tokens", "transfers")
VERBS = ("get", "post", "put", "patch", "delete")
OPEN = {"POST /oauth2/token", "GET /v1/health"}
"""The only routes without a scope: one gives the tokens, the other says nothing."""

Definition = Mapping[str, Any]


def definition() -> Definition:
    """Return infra/api.yaml."""
    tree: Definition = yaml.safe_load((ROOT / "infra" / "api.yaml").read_text())
    return tree


def routes(api: Definition) -> dict[str, Definition]:
    """Return the operations by method and path."""
    return {
        f"{verb.upper()} {path}": item[verb] for path, item in api["paths"].items() for verb in VERBS if verb in item
    }


def served() -> dict[str, str]:
    """Return the routes that the rooms serve, each with the file of its operation, relative to chalicelib."""
    return {
        route: entry.operation.__module__.removeprefix("chalicelib.").replace(".", "/")
        for room in ROOMS
        for route, entry in import_module(f"chalicelib.{room}.entrypoint").service.routes.items()
    }


def unscoped(api: Definition) -> Iterator[str]:
    """Yield the routes that ask for no scope, or not for one of their own room, and should."""
    for route, operation in routes(api).items():
        room = operation["operationId"].partition(".")[0]
        scopes = [scope for entry in operation["security"] for scope in entry.get("jwt", ())]
        right = scopes == [f"{room}:{'read' if route.startswith('GET') else 'write'}"]
        if route not in OPEN and not right:
            yield f"{route} asks for {scopes}"


def mismatches(defined: Iterable[str], offered: Iterable[str]) -> set[str]:
    """Return the routes that only one side knows."""
    return set(defined) ^ set(offered)


def untested(operations: Iterable[str], tests: Path) -> Iterator[str]:
    """Yield the operations without a test file of their name."""
    for operation in sorted(set(operations)):
        room, verb = operation.split("/")
        if not (tests / room / f"test_{verb}.py").is_file():
            yield f"chalicelib/{operation}.py has no tests/unit/{room}/test_{verb}.py"


def orphans(tests: Path, rooms: Path) -> Iterator[str]:
    """Yield the tests that are named for a file which does not exist."""
    for room in ROOMS:
        for test in sorted((tests / room).glob("test_*.py")):
            if not (rooms / room / test.name.removeprefix("test_")).is_file():
                yield f"tests/unit/{room}/{test.name} is named for nothing in chalicelib/{room}/"


def test_the_definitions_and_the_rooms_know_the_same_routes() -> None:
    assert not mismatches(routes(definition()), served())


def test_every_route_asks_for_its_rooms_scope() -> None:
    assert not list(unscoped(definition()))


def test_every_operation_has_a_test_of_its_name() -> None:
    assert not list(untested(served().values(), ROOT / "tests" / "unit"))


def test_every_test_is_named_for_a_file() -> None:
    assert not list(orphans(ROOT / "tests" / "unit", ROOT / "chalicelib"))


def test_planted_violations_are_found(tmp_path: Path) -> None:
    api = {"paths": {"/v1/gifts": {"post": {"operationId": "gifts.create", "security": []}}}}
    assert mismatches(routes(api), served()) == {"POST /v1/gifts", *served()}
    assert list(unscoped(api)) == ["POST /v1/gifts asks for []"]
    assert len(list(untested(["payments/create"], tmp_path))) == 1
    (tmp_path / "payments").mkdir()
    (tmp_path / "payments" / "test_gift.py").touch()
    assert len(list(orphans(tmp_path, ROOT / "chalicelib"))) == 1


@pytest.mark.parametrize("scopes", [[], ["payments:read"], ["refunds:write"], ["payments:write", "payments:read"]])
def test_the_wrong_scope_is_found(scopes: list[str]) -> None:
    operation = {"operationId": "payments.create", "security": [{"jwt": scopes, "api_key": []}]}
    assert list(unscoped({"paths": {"/v1/payments": {"post": operation}}}))
