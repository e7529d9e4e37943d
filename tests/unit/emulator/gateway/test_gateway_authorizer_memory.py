"""What a Lambda authorizer answered is remembered: for how long, under what, for how many, and asked for only once.

Sources: API Gateway developer guide: configure-api-gateway-lambda-authorization and apigateway-use-lambda-authorizer.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emulator.gateway import lambda_authorizer
from tests.doubles.gateway import (
    HERE,
    FakeFunctions,
    Rig,
    Ruled,
    failed,
    read_deployment,
    ruling,
    statement,
)

ARN = "arn:aws:execute-api:us-east-1:123456789012:sample0000/local"
GOOD = {"X-Token": "good"}


@pytest.fixture
def ruled() -> Ruled:
    return Ruled()


@pytest.fixture
def rig(tmp_path: Path, ruled: Ruled) -> Rig:
    deployment = read_deployment(HERE / "gateway_authorizers.yaml", HERE / "gateway_authorizers_stages.yaml")
    return Rig(tmp_path, deployment, functions=FakeFunctions(ruled))


def test_an_answer_holds_for_its_seconds_and_300_if_none_are_given(rig: Rig, ruled: Ruled) -> None:
    """API CreateAuthorizer, authorizerResultTtlInSeconds: "If this field is not set, the default value is 300."."""
    for target, seconds, headers in (
        ("/token", 300, GOOD),
        ("/header-of-scheme", 60, {"Authorization": "a"}),
        ("/request/1?who=me", 3_600, GOOD),
    ):
        ruled.asked.clear()
        assert rig.ask("GET", target, headers=headers).status == 200
        rig.time.advance(seconds * 1_000 - 1)
        assert rig.ask("GET", target, headers=headers).status == 200
        assert len(ruled.asked) == 1
        rig.time.advance(1)
        assert rig.ask("GET", target, headers=headers).status == 200
        assert len(ruled.asked) == 2


def test_with_0_seconds_everybody_asks(rig: Rig, ruled: Ruled) -> None:
    """API CreateAuthorizer: "If it equals 0, authorization caching is disabled."."""
    for _ in range(3):
        assert rig.ask("GET", "/uncached", headers=GOOD).status == 200
        assert rig.ask("GET", "/no-sources").status == 200
    assert len(ruled.asked) == 6


def test_what_is_remembered_is_the_policy_and_not_the_verdict(rig: Rig, ruled: Ruled) -> None:
    """apigateway-use-lambda-authorizer: the cached policy has to be "applicable to all methods across an API"."""
    ruled.answer = lambda _: ruling(statement(resource=f"{ARN}/GET/token*"), statement("Deny", f"{ARN}/GET/token/7"))
    statuses = [
        rig.ask(verb, target, headers=GOOD).status
        for verb, target in (("GET", "/token"), ("POST", "/token"), ("GET", "/token/6"), ("GET", "/token/7"))
    ]
    assert statuses == [200, 403, 200, 403]
    assert len(ruled.asked) == 1


def test_a_denial_is_remembered_too(rig: Rig, ruled: Ruled) -> None:
    ruled.answer = lambda _: ruling(statement("Deny"))
    assert [rig.ask("GET", "/token", headers=GOOD).status for _ in range(3)] == [403, 403, 403]
    assert len(ruled.asked) == 1


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/request/1?who=you", GOOD),
        ("/request/1?who=you&who=me", GOOD),
        ("/request/1?who=me", {"X-Token": "other"}),
        ("/request/1?who=goodme", {"X-Token": " "}),
    ],
)
def test_every_identity_source_is_part_of_the_key(rig: Rig, ruled: Ruled, target: str, headers: dict[str, str]) -> None:
    """API CreateAuthorizer, identitySource: "used to derive the authorization caching key"."""
    assert rig.ask("GET", "/request/1?who=me", headers=GOOD).status == 200
    assert rig.ask("GET", "/request/2?who=me&else=1", headers=GOOD | {"X-Else": "1"}).status == 200
    assert len(ruled.asked) == 1
    assert rig.ask("GET", target, headers=headers).status == 200
    assert len(ruled.asked) == 2


def test_authorizers_do_not_share_answers(rig: Rig, ruled: Ruled) -> None:
    assert rig.ask("GET", "/token", headers=GOOD).status == 200
    assert rig.ask("GET", "/header-of-scheme", headers={"Authorization": "good"}).status == 200
    assert len(ruled.asked) == 2


def test_many_with_one_identity_make_one_call(rig: Rig, ruled: Ruled) -> None:
    async def story() -> list[int]:
        async def slow() -> Any:
            await asyncio.sleep(0)
            return ruling()

        ruled.answer = lambda _: slow()
        first = [rig.call("GET", f"/token/{number}", headers=GOOD) for number in range(50)]
        second = [rig.call("GET", "/token", headers={"X-Token": "other"}) for _ in range(50)]
        return [reply.status for reply in await asyncio.gather(*first, *second)]

    assert asyncio.run(story()) == [200] * 100
    assert sorted(event["authorizationToken"] for event in ruled.asked) == ["good", "other"]
    assert not rig.gateway.lambda_authorizers.asking


def test_who_leaves_does_not_end_the_call_for_the_others(rig: Rig, ruled: Ruled) -> None:
    async def story() -> int:
        go, begun = asyncio.Event(), asyncio.Event()

        async def slow() -> Any:
            begun.set()
            await go.wait()
            return ruling()

        ruled.answer = lambda _: slow()
        leaving = asyncio.create_task(rig.call("GET", "/token", headers=GOOD))
        await begun.wait()
        staying = asyncio.create_task(rig.call("GET", "/token", headers=GOOD))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        go.set()
        return (await staying).status

    assert asyncio.run(story()) == 200
    assert len(ruled.asked) == 1


def test_those_who_waited_for_a_failure_fail_and_the_next_one_asks_anew(rig: Rig, ruled: Ruled) -> None:
    async def story() -> list[int]:
        return [r.status for r in await asyncio.gather(*(rig.call("GET", "/token", headers=GOOD) for _ in range(5)))]

    ruled.answer = lambda _: failed("out of order")
    assert asyncio.run(story()) == [500] * 5
    assert len(ruled.asked) == 1
    ruled.answer = lambda _: ruling()
    assert rig.ask("GET", "/token", headers=GOOD).status == 200


def test_only_so_many_answers_are_remembered(rig: Rig, ruled: Ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_authorizer, "REMEMBERED", 2)
    for token in ("a", "b", "c"):
        assert rig.ask("GET", "/token", headers={"X-Token": token}).status == 200
    ruled.asked.clear()
    for token in ("c", "b", "a"):
        assert rig.ask("GET", "/token", headers={"X-Token": token}).status == 200
    assert [event["authorizationToken"] for event in ruled.asked] == ["a"]


def test_closing_the_gateway_ends_what_is_still_being_asked(rig: Rig, ruled: Ruled) -> None:
    async def story() -> None:
        begun = asyncio.Event()

        async def endless() -> Any:
            begun.set()
            await asyncio.Event().wait()

        ruled.answer = lambda _: endless()
        asking = asyncio.create_task(rig.call("GET", "/token", headers=GOOD))
        await begun.wait()
        await rig.gateway.close()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.done()

    asyncio.run(story())
    assert not rig.gateway.lambda_authorizers.running
    assert not rig.gateway.lambda_authorizers.asking
