"""Resources: a tree whose paths follow its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


def paths(apis: Apis, api_id: str) -> set[str]:
    return {row["path"] for row in apis.do("GetResources", restApiId=api_id)["items"]}


def test_a_resource_stands_below_its_parent(apis: Apis) -> None:
    api_id = apis.api()
    resource = apis.resource(api_id, "/a/{id}")
    row = apis.do("GetResource", restApiId=api_id, resourceId=resource)
    assert (row["path"], row["pathPart"], len(row["id"])) == ("/a/{id}", "{id}", 6)
    assert "resourceMethods" not in row
    root = apis.do("GetRestApi", restApiId=api_id)["rootResourceId"]
    assert apis.do("GetResource", restApiId=api_id, resourceId=root) == {"id": root, "path": "/"}


def test_methods_are_named_and_told_to_who_asks(apis: Apis) -> None:
    api_id = apis.api("/a")
    where: dict[str, Any] = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a")}
    assert apis.do("GetResource", **where)["resourceMethods"] == {"GET": {}}
    told = apis.do("GetResource", **where, embed=["methods"])["resourceMethods"]["GET"]
    assert told["methodIntegration"]["type"] == "MOCK"
    listed = apis.do("GetResources", restApiId=api_id, embed=["methods"])["items"]
    assert next(row for row in listed if row["path"] == "/a")["resourceMethods"]["GET"] == told


@pytest.mark.parametrize("part", ["", "a/b", "a b", "{a", "a}", "{}", "{+}", "{a+}b", "a{b}", "é", "%20"])
def test_a_part_has_its_letters(apis: Apis, part: str) -> None:
    api_id = apis.api()
    root = apis.resource(api_id, "/")
    with refused("BadRequestException", "path part only allow"):
        apis.do("CreateResource", restApiId=api_id, parentId=root, pathPart=part)


@pytest.mark.parametrize(
    ("there", "parent", "part", "code"),
    [
        ("/a", "/", "a", "ConflictException"),
        ("/{a}", "/", "{b}", "BadRequestException"),
        ("/{a+}", "/", "{b+}", "BadRequestException"),
        ("/{a+}", "/{a+}", "b", "BadRequestException"),
    ],
)
def test_a_place_is_taken_once(apis: Apis, there: str, parent: str, part: str, code: str) -> None:
    api_id = apis.api()
    apis.resource(api_id, there)
    with refused(code):
        apis.do("CreateResource", restApiId=api_id, parentId=apis.resource(api_id, parent), pathPart=part)
    assert paths(apis, api_id) == {"/", there}


def test_a_new_part_moves_what_is_below(apis: Apis) -> None:
    api_id = apis.api()
    apis.resource(api_id, "/a/b/c")
    apis.resource(api_id, "/d")
    where = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a")}
    assert apis.do("UpdateResource", **where, patchOperations=[patch("/pathPart", "e")])["path"] == "/e"
    assert paths(apis, api_id) == {"/", "/e", "/e/b", "/e/b/c", "/d"}
    with refused("ConflictException"):
        apis.do("UpdateResource", **where, patchOperations=[patch("/pathPart", "d")])
    with refused("BadRequestException", "cannot have children"):
        apis.do("UpdateResource", **where, patchOperations=[patch("/pathPart", "{all+}")])
    with refused("BadRequestException", "Invalid patch path"):
        apis.do("UpdateResource", **where, patchOperations=[patch("/parentId", "x")])
    assert paths(apis, api_id) == {"/", "/e", "/e/b", "/e/b/c", "/d"}


def test_a_resource_goes_with_what_is_below(apis: Apis) -> None:
    api_id = apis.api()
    apis.resource(api_id, "/a/b/c")
    apis.resource(api_id, "/ab")
    where = {"restApiId": api_id, "resourceId": apis.resource(api_id, "/a")}
    assert apis.do("DeleteResource", **where) == {}
    assert paths(apis, api_id) == {"/", "/ab"}
    with refused("NotFoundException"):
        apis.do("DeleteResource", **where)


@pytest.mark.parametrize("operation", ["DeleteResource", "UpdateResource"])
def test_the_root_stays(apis: Apis, operation: str) -> None:
    api_id = apis.api()
    more = {"patchOperations": [patch("/pathPart", "a")]} if operation == "UpdateResource" else {}
    with refused("BadRequestException", "Root resource"):
        apis.do(operation, restApiId=api_id, resourceId=apis.resource(api_id, "/"), **more)


def test_a_list_has_pages(apis: Apis) -> None:
    api_id = apis.api()
    for number in range(30):
        apis.resource(api_id, f"/r{number}")
    first = apis.do("GetResources", restApiId=api_id)
    assert (len(first["items"]), first["position"]) == (25, "25")
    second = apis.do("GetResources", restApiId=api_id, position=first["position"])
    assert (len(second["items"]), "position" in second) == (6, False)
    assert len(apis.do("GetResources", restApiId=api_id, limit=501)["items"]) == 31
    for wrong in ({"limit": 0}, {"limit": -1}, {"position": "a"}, {"position": "-5"}, {"position": "9" * 5_000}):
        with refused("BadRequestException"):
            apis.do("GetResources", restApiId=api_id, **wrong)


@pytest.mark.parametrize("where", [{"restApiId": "x", "resourceId": "y"}, {"resourceId": "y"}])
def test_what_is_not_there_is_not_found(apis: Apis, where: dict[str, str]) -> None:
    with refused("NotFoundException"):
        apis.do("GetResource", **{"restApiId": apis.api(), **where})
