"""Chalice's own client before Lambda's and EventBridge's planes: each call that its deployments make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from chalice.awsclient import TypedAWSClient

from emulator.lambdas.followers import Followers
from tests.doubles.deployed_lambda import Deployed, deployed
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN, QUEUE, ROLE, package

STREAM = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/ledger/stream/2026-11-23T10:00:00.000"


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    with deployed(tmp_path) as one:
        yield one


@pytest.fixture
def chalice(stand: Deployed, monkeypatch: pytest.MonkeyPatch) -> Any:
    endpoint = stand.aws.meta.endpoint_url
    for service in ("LAMBDA", "EVENTBRIDGE", "API_GATEWAY"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return TypedAWSClient(botocore.session.get_session(), sleep=lambda _: None)


def made(chalice: Any, **more: Any) -> str:
    arn: str = chalice.create_function("f", ROLE, package("one"), "python3.11", "entry.handle", **more)
    return arn


def test_a_function_is_made_changed_and_deleted(stand: Deployed, chalice: Any) -> None:
    settings = {"environment_variables": {"NAME": "x"}, "timeout": 5, "memory_size": 256}
    assert made(chalice, tags={"a": "1", "b": "2"}, xray=True, architecture="x86_64", **settings) == f"{ARN}f"
    assert chalice.lambda_function_exists("f")
    chalice.put_function_concurrency("f", 7)
    chalice.update_function(
        "f", package("two"), runtime="python3.12", tags={"b": "3", "c": "4"}, role_arn=ROLE,
        subnet_ids=[], security_group_ids=[], layers=[], architecture="x86_64", **settings,
    )  # fmt: skip
    found = stand.aws.get_function(FunctionName="f")
    assert found["Tags"] == {"b": "3", "c": "4"}
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert stand.invoke("f") == "two"
    chalice.delete_function_concurrency("f")
    chalice.delete_function("f")
    assert not chalice.lambda_function_exists("f")


def test_a_schedule(stand: Deployed, chalice: Any) -> None:
    arn = made(chalice)
    for _ in range(2):
        rule = chalice.get_or_create_rule_arn("tick", schedule_expression="rate(5 minutes)", rule_description="a")
        chalice.connect_rule_to_lambda("tick", arn)
        chalice.add_permission_for_cloudwatch_event(rule, arn)
    permissions = stand.here.plane.permissions
    assert permissions.may_invoke("f", "events.amazonaws.com", rule)
    assert len(stand.here.plane.roster.record("f")["policies"][""]) == 1
    chalice.delete_rule("tick")
    assert stand.events.list_rules()["Rules"] == []


@pytest.mark.parametrize(
    ("source", "more"), [(QUEUE, {"maximum_concurrency": 2}), (STREAM, {"starting_position": "LATEST"})]
)
def test_an_event_source(
    stand: Deployed, chalice: Any, source: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Followers, "add", lambda *_: None)  # there is nothing here to be followed
    arn = made(chalice)
    uuid = chalice.create_lambda_event_source(source, "f", 5, **more)
    chalice.update_lambda_event_source(uuid, 6)
    assert stand.aws.get_event_source_mapping(UUID=uuid)["BatchSize"] == 6
    assert chalice.verify_event_source_arn_current(uuid, source, arn)
    assert chalice.verify_event_source_current(uuid, "letters", "sqs", arn) is (source == QUEUE)
    chalice.remove_lambda_event_source(uuid)
    assert not chalice.verify_event_source_arn_current(uuid, source, arn)


def test_api_gateway_may_invoke(stand: Deployed, chalice: Any) -> None:
    arn = made(chalice)
    for _ in range(2):
        chalice.add_permission_for_apigateway("f", "us-east-1", ACCOUNT, "abc")
    source = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/s/GET/a"
    assert stand.here.permits("f", source)
    assert not stand.here.permits("f", source.replace("abc", "xyz"))
    assert len(chalice.get_function_policy(arn)["Statement"]) == 1
