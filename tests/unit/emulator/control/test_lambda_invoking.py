"""Reserved concurrency, the settings of asynchronous invocation, tags."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas.config import FunctionConfig, Outcome
from emulator.lambdas.pool import Pool, TooManyRequests
from tests.doubles.control_planes import refused
from tests.doubles.lambda_planes import ARN, QUEUE, Lambdas

BAD = "InvalidParameterValueException"
GONE = "ResourceNotFoundException"


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    made = Lambdas(tmp_path)
    made.function(Publish=True)
    made.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return made


def asynchronous(lambdas: Lambdas, name: str) -> tuple[int, int, str | None, str | None]:
    config = lambdas.functions.config(name)
    assert config is not None
    return config.maximum_retry_attempts, config.maximum_event_age_seconds, config.on_success, config.on_failure


DEFAULT = (2, 21_600, None, None)

# --- concurrency -----------------------------------------------------------------------------------------------------


def test_a_reservation_is_put_and_taken_back(lambdas: Lambdas) -> None:
    assert lambdas.do("GetFunctionConcurrency", FunctionName="f") == {}
    seven = {"ReservedConcurrentExecutions": 7}
    assert lambdas.do("PutFunctionConcurrency", FunctionName="f", **seven) == seven
    assert lambdas.do("GetFunctionConcurrency", FunctionName="f") == seven
    assert lambdas.do("GetFunction", FunctionName="f")["Concurrency"] == seven
    assert lambdas.do("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 993
    lambdas.do("DeleteFunctionConcurrency", FunctionName="f")
    assert lambdas.do("GetFunctionConcurrency", FunctionName="f") == {}
    assert lambdas.do("GetAccountSettings")["AccountUsage"]["FunctionCount"] == 1


def test_a_hundred_are_left_for_the_others(lambdas: Lambdas) -> None:
    lambdas.function("g")
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=600)
    with refused(BAD, "[100]"):
        lambdas.do("PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=301)
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=900)


class HeldPool(Pool):
    """Answers when it is told to."""

    gate: asyncio.Event

    async def invoke(self, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        del request_id, payload, trace_id
        await self.gate.wait()
        return Outcome(b"null")


def test_all_versions_share_a_reservation(lambdas: Lambdas) -> None:
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=2)

    async def play() -> list[Any]:
        gate = asyncio.Event()
        for key, pool in list(lambdas.functions.pools.items()):
            lambdas.functions.pools[key] = held = HeldPool(pool.config, lambdas.time.clock())
            held.gate = gate
        calls = [
            asyncio.create_task(lambdas.functions.invoke(name, b"{}", request_id="r"))
            for name in ("f", "f:1", "f:live")
        ]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second, third = asyncio.run(play())
    assert (first, second) == (Outcome(b"null"), Outcome(b"null"))
    assert isinstance(third, TooManyRequests)


def test_a_reservation_leaves_who_runs_undisturbed(lambdas: Lambdas) -> None:
    before = dict(lambdas.functions.pools)
    lambdas.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=2)
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
    lambdas.do("TagResource", Resource=f"{ARN}f", Tags={"a": "b"})
    assert lambdas.functions.pools == before


# --- asynchronous invocation -----------------------------------------------------------------------------------------


def test_settings_are_of_one_qualifier(lambdas: Lambdas) -> None:
    destinations = {"OnSuccess": {"Destination": f"{ARN}g:live"}, "OnFailure": {"Destination": QUEUE}}
    asked = {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60, "DestinationConfig": destinations}
    made = lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", Qualifier="live", **asked)
    assert made == {**asked, "FunctionArn": f"{ARN}f:live", "LastModified": lambdas.time.wall_at // 1_000}
    assert lambdas.do("GetFunctionEventInvokeConfig", FunctionName="f:live") == made
    assert asynchronous(lambdas, "f:live") == (1, 60, "g:live", QUEUE)
    assert [asynchronous(lambdas, name) for name in ("f", "f:1", "f:$LATEST")] == [DEFAULT] * 3
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
    assert asynchronous(lambdas, "f:$LATEST") == (0, 21_600, None, None)
    rows = lambdas.do("ListFunctionEventInvokeConfigs", FunctionName="f")["FunctionEventInvokeConfigs"]
    assert [row["FunctionArn"] for row in rows] == [f"{ARN}f:live", f"{ARN}f:$LATEST"]
    lambdas.do("DeleteFunctionEventInvokeConfig", FunctionName="f:live")
    assert asynchronous(lambdas, "f:live") == DEFAULT


def test_a_put_replaces_and_an_update_adds(lambdas: Lambdas) -> None:
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=1)
    lambdas.do("UpdateFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=90)
    assert asynchronous(lambdas, "f") == (1, 90, None, None)
    lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=80)
    assert asynchronous(lambdas, "f") == (2, 80, None, None)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("at least one", {}),
    ("from 0 to 2", {"MaximumRetryAttempts": 3}),
    ("from 60 to 21600", {"MaximumEventAgeInSeconds": 59}),
    ("from 60 to 21600", {"MaximumEventAgeInSeconds": 21_601}),
    ("not served", {"DestinationConfig": {"OnFailure": {"Destination": f"{QUEUE}.fifo"}}}),
    ("not served", {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}}),
]


@pytest.mark.parametrize(("words", "more"), REFUSED)
def test_what_is_out_of_bounds_is_refused(lambdas: Lambdas, words: str, more: dict[str, Any]) -> None:
    with refused(BAD, words):
        lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f", **more)
    for operation in (
        "GetFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        "UpdateFunctionEventInvokeConfig",
    ):
        with refused(GONE, "doesn't have an EventInvokeConfig", 404):
            lambdas.do(operation, FunctionName="f")
    with refused(GONE, f"{ARN}f:9", 404):
        lambdas.do("PutFunctionEventInvokeConfig", FunctionName="f:9", MaximumRetryAttempts=1)


def test_dead_letters_are_a_setting_of_the_function(lambdas: Lambdas) -> None:
    lambdas.do("UpdateFunctionConfiguration", FunctionName="f", DeadLetterConfig={"TargetArn": QUEUE})
    found: FunctionConfig | None = lambdas.functions.config("f")
    assert found is not None
    assert found.dead_letters == QUEUE


# --- tags ------------------------------------------------------------------------------------------------------------


def test_tags_are_put_and_taken_away(lambdas: Lambdas) -> None:
    at = {"Resource": f"{ARN}f"}
    lambdas.do("TagResource", **at, Tags={"a": "1", "b": "2"})
    lambdas.do("TagResource", **at, Tags={"b": "3"})
    lambdas.do("UntagResource", **at, TagKeys=["a", "never"])
    assert lambdas.do("ListTags", **at) == {"Tags": {"b": "3"}}
    assert Lambdas(lambdas.folder).do("GetFunction", FunctionName="f")["Tags"] == {"b": "3"}
    for arn in (f"{ARN}f:1", "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:x"):
        with refused(BAD):
            lambdas.do("ListTags", Resource=arn)
    with refused(GONE, status=404):
        lambdas.do("ListTags", Resource=f"{ARN}g")
