"""Patch operations, one row an outcome."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from emulator.control.apis.method_settings import patch_setting
from emulator.control.apis.patch import Patches, parts
from tests.doubles.control_planes import patch, refused

API: dict[str, Any] = {
    "name": "a",
    "binaryMediaTypes": ["image/png", "image/gif"],
    "endpointConfiguration": {"types": ["EDGE"]},
    "apiKeySource": "HEADER",
    "description": "d",
}
STAGE: dict[str, Any] = {"stageName": "s", "deploymentId": "d", "methodSettings": {}, "variables": {"a": "1"}}
PLAN: dict[str, Any] = {"name": "p", "throttle": {"rateLimit": 5.0, "burstLimit": 5}}
AUTHORIZER: dict[str, Any] = {"id": "x", "name": "a", "jwtConfiguration": {"issuers": [{"issuer": "https://a"}]}}
ROWS = {"RestApi": API, "Stage": STAGE, "UsagePlan": PLAN, "Authorizer": AUTHORIZER}
PATCHES = Patches()


def changed(shape: str, *patches: dict[str, str]) -> dict[str, Any]:
    """What has another value than before, and what is gone as None."""
    row = deepcopy(ROWS[shape])
    PATCHES.apply(row, shape, patches)
    return {name: row.get(name) for name in {*row, *ROWS[shape]} if row.get(name) != ROWS[shape].get(name)}


@pytest.mark.parametrize(
    ("shape", "one", "expected"),
    [
        ("RestApi", patch("/name", "b"), {"name": "b"}),
        ("RestApi", patch("/minimumCompressionSize"), {}),
        ("RestApi", patch("name", "b"), {"name": "b"}),
        ("RestApi", patch("/name", "b", "add"), {"name": "b"}),
        ("RestApi", patch("/description", op="remove"), {"description": None}),
        ("RestApi", patch("/policy", op="remove"), {}),
        ("RestApi", patch("/minimumCompressionSize", "5"), {"minimumCompressionSize": 5}),
        ("RestApi", patch("/minimumCompressionSize", ""), {}),
        ("RestApi", patch("/apiKeySource", "AUTHORIZER"), {"apiKeySource": "AUTHORIZER"}),
        ("RestApi", patch("/disableExecuteApiEndpoint", "true"), {"disableExecuteApiEndpoint": True}),
        ("RestApi", patch("/disableExecuteApiEndpoint", "false"), {"disableExecuteApiEndpoint": False}),
        ("RestApi", patch("/binaryMediaTypes/a~1b", op="add"), {"binaryMediaTypes": ["image/png", "image/gif", "a/b"]}),
        ("RestApi", patch("/binaryMediaTypes/a~01b", op="add"), {"binaryMediaTypes": ["image/png", "image/gif", "a~1b"]}),
        ("RestApi", patch("/binaryMediaTypes/image~1png", op="add"), {}),
        ("RestApi", patch("/binaryMediaTypes/image~1png", op="remove"), {"binaryMediaTypes": ["image/gif"]}),
        ("RestApi", patch("/binaryMediaTypes/image~1png", "a/b"), {"binaryMediaTypes": ["a/b", "image/gif"]}),
        ("RestApi", patch("/binaryMediaTypes", "a/b,c/d"), {"binaryMediaTypes": ["a/b", "c/d"]}),
        ("RestApi", patch("/binaryMediaTypes", op="remove"), {"binaryMediaTypes": []}),
        ("RestApi", patch("/endpointConfiguration/types/EDGE", "REGIONAL"), {"endpointConfiguration": {"types": ["REGIONAL"]}}),
        ("Stage", patch("/variables/a", "2"), {"variables": {"a": "2"}}),
        ("Stage", patch("/variables/b", "2", "add"), {"variables": {"a": "1", "b": "2"}}),
        ("Stage", patch("/variables/a", op="remove"), {"variables": {}}),
        ("Stage", patch("/variables", op="remove"), {"variables": None}),
        ("Stage", patch("/accessLogSettings/format", "$context.status"), {"accessLogSettings": {"format": "$context.status"}}),
        ("UsagePlan", patch("/throttle/rateLimit", "2.5"), {"throttle": {"rateLimit": 2.5, "burstLimit": 5}}),
        ("UsagePlan", patch("/quota/limit", "10"), {"quota": {"limit": 10}}),
        ("UsagePlan", patch("/throttle", op="remove"), {"throttle": None}),
    ],
)  # fmt: skip
def test_it_changes_this_and_nothing_else(shape: str, one: dict[str, str], expected: dict[str, Any]) -> None:
    assert changed(shape, one) == expected


@pytest.mark.parametrize(
    ("shape", "one", "words"),
    [
        ("RestApi", patch("", "b"), "Invalid patch path"),
        ("RestApi", patch("/", "b"), "Invalid patch path"),
        ("RestApi", patch("/nothing", "b"), "Invalid patch path"),
        ("RestApi", patch("/name/first", "b"), "Invalid patch path"),
        ("RestApi", patch("/id", "b"), "Invalid patch path"),
        ("RestApi", patch("/createdDate", "5"), "Invalid patch path"),
        ("RestApi", patch("/rootResourceId", "b"), "Invalid patch path"),
        ("RestApi", patch("/name", op="remove"), "Invalid patch path"),
        ("RestApi", patch("/name", "b", "move"), "use add, replace or remove"),
        ("RestApi", patch("/binaryMediaTypes", "b", "copy"), "use add, replace or remove"),
        ("RestApi", patch("/binaryMediaTypes/image/png", op="add"), "Invalid patch path"),
        ("RestApi", patch("/minimumCompressionSize", "five"), "integer is expected"),
        ("RestApi", patch("/minimumCompressionSize", "5.5"), "integer is expected"),
        ("RestApi", patch("/disableExecuteApiEndpoint", "yes"), "boolean is expected"),
        ("RestApi", patch("/apiKeySource", "BODY"), "one of HEADER, AUTHORIZER"),
        ("RestApi", patch("/endpointConfiguration", "{}"), "structure is expected"),
        ("RestApi", patch("/endpointConfiguration/nothing", "a"), "Invalid patch path"),
        ("RestApi", patch("/endpointConfiguration/types/EDGE", "LOCAL"), "one of REGIONAL, EDGE, PRIVATE"),
        ("RestApi", patch("/endpointConfiguration/types/LOCAL", op="add"), "one of REGIONAL, EDGE, PRIVATE"),
        ("UsagePlan", patch("/throttle/rateLimit", "fast"), "double is expected"),
        ("UsagePlan", patch("/throttle/rateLimit", "nan"), "double is expected"),
        ("UsagePlan", patch("/throttle/rateLimit", "inf"), "double is expected"),
        ("UsagePlan", patch("/quota/period", "HOUR"), "one of DAY, WEEK, MONTH"),
        ("Stage", patch("/stageName", "b"), "Invalid patch path"),
        ("Stage", patch("/deploymentId", op="remove"), "Invalid patch path"),
        ("Authorizer", patch("/jwtConfiguration/issuers", "https://b"), "list is expected"),
        ("Authorizer", patch("/jwtConfiguration/issuers/0", "https://b", "add"), "Invalid patch path"),
    ],
)
def test_what_leads_nowhere_is_refused(shape: str, one: dict[str, str], words: str) -> None:
    with refused("BadRequestException", words):
        changed(shape, one)


def test_a_caller_may_refuse_more() -> None:
    with refused("BadRequestException", "Invalid patch path"):
        PATCHES.apply({}, "RestApi", [patch("/tags/a", "b")], ("tags",))


def test_compression_is_turned_off_by_a_patch_without_a_value() -> None:
    row = deepcopy(API) | {"minimumCompressionSize": 5}
    PATCHES.apply(row, "RestApi", [patch("/minimumCompressionSize")])
    assert "minimumCompressionSize" not in row


def test_they_are_applied_in_their_order() -> None:
    assert changed("RestApi", patch("/name", "b"), patch("/name", "c")) == {"name": "c"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", []), ("/a", ["a"]), ("/a~1b/c~0d", ["a/b", "c~d"]), ("/~01", ["~1"]), ("/*/*/a/b", ["*", "*", "a", "b"])],
)
def test_a_path_is_taken_apart(path: str, expected: list[str]) -> None:
    assert parts(path) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (patch("/*/*/throttling/rateLimit", "2.5"), {"*/*": {"throttlingRateLimit": 2.5}}),
        (patch("/*/*/throttling/burstLimit", "2"), {"*/*": {"throttlingBurstLimit": 2}}),
        (patch("/~1v1~1a/GET/metrics/enabled", "true"), {"~1v1~1a/GET": {"metricsEnabled": True}}),
        (patch("/a/GET/logging/loglevel", "INFO"), {"a/GET": {"loggingLevel": "INFO"}}),
        (patch("/~1/GET/logging/dataTrace", "true"), {"~1/GET": {"dataTraceEnabled": True}}),
        (patch("/a/GET", op="remove"), {}),
    ],
)
def test_a_methods_settings_are_patched_by_its_path(one: dict[str, str], expected: dict[str, Any]) -> None:
    row: dict[str, Any] = {"methodSettings": {}}
    assert patch_setting(row, one)
    assert row["methodSettings"] == expected


@pytest.mark.parametrize(
    "path", ["/description", "/variables/a", "/accessLogSettings/format", "/canarySettings/percentTraffic"]
)
def test_what_is_the_stages_is_no_setting_of_a_method(path: str) -> None:
    assert not patch_setting({"methodSettings": {}}, patch(path, "1"))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (patch("/*/*/throttling/rate", "1"), "Invalid method setting path"),
        (patch("/*/*/throttling/rateLimit", op="remove"), "Invalid method setting path"),
        (patch("/*/*/throttling/rateLimit", "many"), "double is expected"),
        (patch("/*/*/throttling/rateLimit", "-5"), "or -1 for no limit"),
        (patch("/*/*/throttling/burstLimit", "-2"), "or -1 for no limit"),
        (patch("/*/*/caching/enabled", "true"), "A cache is not served here"),
        (patch("/*/*/logging/loglevel", "LOUD"), "one of OFF, ERROR, INFO"),
        (patch("/*/*", "1"), "Invalid patch path"),
    ],
)
def test_a_setting_that_is_none_is_refused(one: dict[str, str], words: str) -> None:
    with refused("BadRequestException", words):
        patch_setting({"methodSettings": {}}, one)
