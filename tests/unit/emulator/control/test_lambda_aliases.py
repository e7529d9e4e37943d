"""Aliases stand for versions, and their weights are the shares that the versions get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.lambdas.config import FunctionConfig
from tests.doubles.control_planes import refused
from tests.doubles.lambda_planes import ARN, Lambdas, StillFunctions, StillPool

BAD = "InvalidParameterValueException"


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    made = Lambdas(tmp_path)
    made.function(Publish=True)
    assert made.publish("two") == "2"
    return made


def weighted(version: str, weight: float) -> dict[str, Any]:
    return {"RoutingConfig": {"AdditionalVersionWeights": {version: weight}}}


def alias(lambdas: Lambdas, name: str = "live", version: str = "1", **more: Any) -> dict[str, Any]:
    return lambdas.do("CreateAlias", FunctionName="f", Name=name, FunctionVersion=version, **more)


def test_an_alias_is_moved_and_moved_back(lambdas: Lambdas) -> None:
    made = alias(lambdas, Description="now")
    assert made == {
        "Name": "live",
        "AliasArn": f"{ARN}f:live",
        "FunctionVersion": "1",
        "Description": "now",
        "RevisionId": made["RevisionId"],
    }
    assert lambdas.do("GetAlias", FunctionName="f", Name="live") == made
    assert lambdas.answer("f:live") == "f:1"
    moved = lambdas.do("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "now")
    assert moved["RevisionId"] != made["RevisionId"]
    assert lambdas.answer("f:live") == "f:2"
    lambdas.do("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="1", RevisionId=moved["RevisionId"])
    assert lambdas.answer("f:live") == "f:1"
    with refused("PreconditionFailedException", status=412):
        lambdas.do("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2", RevisionId=moved["RevisionId"])


def test_an_alias_of_latest_follows_it(lambdas: Lambdas) -> None:
    alias(lambdas, "edited", "$LATEST")
    assert lambdas.answer("f:edited") == "f"
    assert lambdas.answer("f:$LATEST") == "f"


def test_chance_decides_by_the_weights(lambdas: Lambdas) -> None:
    alias(lambdas, **weighted("2", 0.25))
    found = {}
    for drawn in (0.0, 0.2499, 0.25, 0.9999):
        lambdas.functions.chance = [drawn].pop
        found[drawn] = lambdas.answer("f:live")
    assert found == {0.0: "f:2", 0.2499: "f:2", 0.25: "f:1", 0.9999: "f:1"}
    changed = lambdas.do("UpdateAlias", FunctionName="f", Name="live", RoutingConfig={})
    assert "RoutingConfig" not in changed
    lambdas.functions.chance = lambda: 0.0
    assert lambdas.answer("f:live") == "f:1"


@given(weight=st.floats(0.0, 1.0), draws=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1))
def test_a_share_is_what_falls_below_its_weight(weight: float, draws: list[float]) -> None:
    functions = StillFunctions(Clock())
    for version in ("1", "2"):
        config = FunctionConfig("f", "entry.handle", "nowhere", 128, 3.0, {}, version=version)
        functions.pools[config.key] = StillPool(config, Clock())
    functions.point("f:live", [("f:2", weight), ("f:1", 1.0 - weight)])
    pending = list(draws)
    functions.chance = lambda: pending.pop(0)
    pools = [functions.pool("f:live") for _ in draws]
    assert [pool.config.version for pool in pools if pool] == ["2" if drawn < weight else "1" for drawn in draws]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("is no number", {"Name": "12"}),
    ("is no number", {"Name": "a b"}),
    ("which live is not", {"FunctionVersion": "live"}),
    ("which x is not", weighted("x", 0.5)),
    ("a weight from 0 to 1", weighted("2", 1.1)),
    ("a weight from 0 to 1", weighted("2", -0.1)),
    ("at most one", {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1, "2": 0.1}}}),
    ("more than 1 version", {"FunctionVersion": "$LATEST", **weighted("2", 0.1)}),
    ("more than 1 version", weighted("$LATEST", 0.1)),
    ("already included", weighted("1", 0.1)),
]


@pytest.mark.parametrize(("words", "more"), REFUSED)
def test_what_an_alias_cannot_stand_for(lambdas: Lambdas, words: str, more: dict[str, Any]) -> None:
    alias(lambdas)
    asked = {"Name": "next", "FunctionVersion": "1", **more}
    with refused(BAD, words):
        lambdas.do("CreateAlias", FunctionName="f", **asked)
    if "Name" not in more:
        with refused(BAD, words):
            lambdas.do("UpdateAlias", FunctionName="f", **{**asked, "Name": "live"})
    assert [row["Name"] for row in lambdas.do("ListAliases", FunctionName="f")["Aliases"]] == ["live"]
    assert lambdas.answer("f:live") == "f:1"


def test_there_is_none_or_one_already(lambdas: Lambdas) -> None:
    alias(lambdas)
    with refused("ResourceConflictException", f"{ARN}f:live", 409):
        alias(lambdas)
    for more in ({"FunctionVersion": "3"}, weighted("3", 0.5)):
        with refused("ResourceNotFoundException", f"{ARN}f:3", 404):
            lambdas.do("UpdateAlias", FunctionName="f", Name="live", **more)
    for operation in ("GetAlias", "UpdateAlias"):
        with refused("ResourceNotFoundException", f"{ARN}f:none", 404):
            lambdas.do(operation, FunctionName="f", Name="none")


def test_a_list_by_version(lambdas: Lambdas) -> None:
    alias(lambdas)
    alias(lambdas, "next", "2")
    rows = lambdas.do("ListAliases", FunctionName="f", FunctionVersion="2")["Aliases"]
    assert [row["Name"] for row in rows] == ["next"]
    first = lambdas.do("ListAliases", FunctionName="f", MaxItems=1)
    assert (len(first["Aliases"]), first["NextMarker"]) == (1, "1")


def test_what_an_alias_had_goes_with_it(lambdas: Lambdas) -> None:
    alias(lambdas)
    allowed = {"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    lambdas.do("AddPermission", FunctionName="f:live", **allowed)
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f:live", MaximumRetryAttempts=0)
    lambdas.do("DeleteAlias", FunctionName="f", Name="live")
    assert lambdas.functions.pool("f:live") is None
    alias(lambdas)
    for operation in ("GetPolicy", "GetFunctionEventInvokeConfig"):
        with refused("ResourceNotFoundException", status=404):
            lambdas.do(operation, FunctionName="f", Qualifier="live")
    lambdas.do("DeleteAlias", FunctionName="f", Name="never")
