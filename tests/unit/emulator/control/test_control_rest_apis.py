"""REST APIs as a whole: what is added, changed, refused and forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.control_planes import Apis, patch, refused


@pytest.fixture
def apis(tmp_path: Path) -> Apis:
    return Apis(tmp_path)


def test_an_api_has_what_api_gateway_adds(apis: Apis) -> None:
    made = apis.do("CreateRestApi", name="a", description="d", tags={"x": "y"})
    assert made == {
        "id": made["id"],
        "name": "a",
        "description": "d",
        "createdDate": apis.time.wall_at // 1_000,
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"]},
        "disableExecuteApiEndpoint": False,
        "rootResourceId": made["rootResourceId"],
        "tags": {"x": "y"},
    }
    assert (len(made["id"]), len(made["rootResourceId"])) == (10, 10)
    assert apis.do("GetRestApi", restApiId=made["id"]) == made
    assert apis.do("GetRestApis") == {"items": [made]}


@pytest.mark.parametrize(
    ("one", "member", "value"),
    [
        (patch("/name", "b"), "name", "b"),
        (patch("/binaryMediaTypes/image~1png", op="add"), "binaryMediaTypes", ["image/png"]),
        (patch("/minimumCompressionSize", "10"), "minimumCompressionSize", 10),
        (patch("/endpointConfiguration/types/EDGE", "REGIONAL"), "endpointConfiguration", {"types": ["REGIONAL"]}),
        (patch("/policy", "{}"), "policy", "{}"),
    ],
)
def test_an_api_is_patched(apis: Apis, one: dict[str, str], member: str, value: Any) -> None:
    api_id = apis.api()
    assert apis.do("UpdateRestApi", restApiId=api_id, patchOperations=[one])[member] == value
    assert Apis(apis.folder).do("GetRestApi", restApiId=api_id)[member] == value


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (patch("/policy", "{"), "Invalid policy document"),
        (patch("/policy", "[]"), "Invalid policy document"),
        (patch("/disableExecuteApiEndpoint", "true"), "not served here"),
        (patch("/endpointConfiguration/types/PRIVATE", op="add"), "not served here"),
        (patch("/tags/a", "b", "add"), "Invalid patch path"),
        (patch("/warnings", "b", "add"), "Invalid patch path"),
        (patch("/apiStatus", "FAILED"), "Invalid patch path"),
        (patch("/minimumCompressionSize", "-5"), "must be between 0 and 10485760"),
        (patch("/minimumCompressionSize", "10485761"), "must be between 0 and 10485760"),
    ],
)
def test_a_patch_that_is_refused_changes_nothing(apis: Apis, one: dict[str, str], words: str) -> None:
    api_id = apis.api()
    before = apis.do("GetRestApi", restApiId=api_id)
    with refused("BadRequestException", words):
        apis.do("UpdateRestApi", restApiId=api_id, patchOperations=[patch("/name", "b"), one])
    assert apis.do("GetRestApi", restApiId=api_id) == before


def test_a_copy_is_not_made_here(apis: Apis) -> None:
    with refused("BadRequestException", "cloneFrom"):
        apis.do("CreateRestApi", name="a", cloneFrom=apis.api())


def test_what_is_deleted_is_gone_from_the_folder(apis: Apis) -> None:
    api_id, other = apis.api("/a"), apis.api("/a")
    apis.deploy(api_id)
    apis.deploy(api_id, "t")
    assert apis.do("DeleteRestApi", restApiId=api_id) == {}
    assert not [file for file in apis.folder.iterdir() if api_id in file.name]
    assert [row["id"] for row in Apis(apis.folder).do("GetRestApis")["items"]] == [other]
    for operation in ("GetRestApi", "DeleteRestApi"):
        with refused("NotFoundException", f"Invalid API identifier specified {api_id}"):
            apis.do(operation, restApiId=api_id)
