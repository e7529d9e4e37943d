"""What starts deployed functions: streams and queues of moto by mappings, the clock by rules; and where records go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local import engines
from infra.local.place import aws_environment
from tests.doubles.deployed_lambda import Deployed, deployed, until
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN

NOTES = """
import json, os

def handle(event, context):
    with open(os.environ["SEEN"], "a") as file:
        for record in event.get("Records", [event]):
            file.write(json.dumps([context.function_version, record]) + "\\n")
"""
FAILS = "def handle(event, context):\n    raise ValueError('no')\n"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/tick"

Seen = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """An endpoint with tables, their streams, queues and topics."""
    engine = engines.start_moto()
    yield engine.url
    engine.stop()


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's way there, for what is deployed as well."""
    for name, value in aws_environment(moto, moto).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stand(aws: None, tmp_path: Path) -> Iterator[Deployed]:
    with deployed(tmp_path) as one:
        yield one


def noting(stand: Deployed, name: str = "f", **more: Any) -> None:
    """A function that notes what it is told, with its version."""
    stand.function(name, NOTES, Environment={"Variables": {"SEEN": str(stand.folder / "seen")}}, **more)


def seen(folder: Path) -> Seen:
    file = folder / "seen"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [tuple(json.loads(line)) for line in lines if line.endswith("\n")]


def queue(name: str) -> tuple[str, str]:
    """A new queue's URL and ARN."""
    client = boto3.client("sqs")
    url = client.create_queue(QueueName=name)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.close()
    return url, arn


def received(url: str) -> list[dict[str, Any]]:
    """The messages of a queue, when there are some."""
    client = boto3.client("sqs")
    found: list[dict[str, Any]] = []

    def some() -> bool:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return bool(found)

    until(some)
    client.close()
    return found


# --- mappings --------------------------------------------------------------------------------------------------------


def stream(table: str) -> tuple[Any, str]:
    """A new table and the ARN of its stream."""
    made = boto3.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return boto3.resource("dynamodb").Table(table), made["TableDescription"]["LatestStreamArn"]


def numbers(records: Seen) -> list[tuple[str, int]]:
    return [(version, int(record["dynamodb"]["NewImage"]["n"]["N"])) for version, record in records]


def test_a_stream_is_followed_through_an_alias_and_over_a_restart(aws: None, tmp_path: Path) -> None:
    """A mapping that leads elsewhere, and one that was stopped, go on where they were."""
    table, arn = stream("ledger")
    with deployed(tmp_path) as stand:
        noting(stand, Publish=True)
        stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        uuid = stand.aws.create_event_source_mapping(
            FunctionName="f:live", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=5
        )["UUID"]
        for number in range(3):
            table.put_item(Item={"pk": "one", "n": number})
        until(lambda: len(seen(tmp_path)) == 3)
    table.put_item(Item={"pk": "one", "n": 3})
    with deployed(tmp_path) as again:
        until(lambda: len(seen(tmp_path)) >= 4)
        again.aws.update_event_source_mapping(UUID=uuid, FunctionName="f")
        table.put_item(Item={"pk": "one", "n": 4})
        until(lambda: ("$LATEST", 4) in numbers(seen(tmp_path)))
        again.aws.delete_event_source_mapping(UUID=uuid)
        with pytest.raises(again.aws.exceptions.ResourceNotFoundException):
            again.aws.get_event_source_mapping(UUID=uuid)
    found = numbers(seen(tmp_path))
    # Stopped between a batch and its checkpoint, a batch comes again; nothing is left out, and nothing begins anew.
    assert list(dict.fromkeys(number for _, number in found)) == [0, 1, 2, 3, 4]
    assert found[0] == ("1", 0)
    assert found.count(("$LATEST", 0)) == 0
    assert json.loads((tmp_path / "streams.json").read_bytes()) == {}


def test_a_queue_is_followed_with_its_filter(stand: Deployed) -> None:
    url, arn = queue("letters")
    noting(stand)
    uuid = stand.aws.create_event_source_mapping(
        FunctionName="f", EventSourceArn=arn, FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}
    )["UUID"]
    client = boto3.client("sqs")
    for kind in ("b", "a"):
        client.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind}))
    until(lambda: len(seen(stand.folder)) == 1)
    stand.aws.update_event_source_mapping(UUID=uuid, FilterCriteria={})
    client.send_message(QueueUrl=url, MessageBody='{"kind": "c"}')
    until(lambda: len(seen(stand.folder)) == 2)
    assert [json.loads(record["body"])["kind"] for _, record in seen(stand.folder)] == ["a", "c"]
    stand.aws.update_event_source_mapping(UUID=uuid, Enabled=False)
    client.send_message(QueueUrl=url, MessageBody='{"kind": "d"}')
    assert json.loads(received(url)[0]["Body"]) == {"kind": "d"}
    client.close()


# --- rules -----------------------------------------------------------------------------------------------------------


def allow(stand: Deployed, function: str) -> None:
    named = {"StatementId": "rule", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    stand.aws.add_permission(FunctionName=function, **named, SourceArn=RULE)


def test_the_clock_starts_who_lets_itself_be_started(stand: Deployed, capfd: pytest.CaptureFixture[str]) -> None:
    noting(stand, Publish=True)
    stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    stand.events.put_rule(Name="tick", ScheduleExpression="rate(1 second)")
    targets = [{"Id": "own", "Arn": f"{ARN}f:live", "Input": '{"depth": 3}'}, {"Id": "plain", "Arn": f"{ARN}f"}]
    stand.events.put_targets(Rule="tick", Targets=targets)
    said = ""

    def both_refused() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return all(f"{RULE}: {name} is not started" in said for name in ("f:live", "f"))

    until(both_refused)
    assert seen(stand.folder) == []
    allow(stand, "f:live")
    until(lambda: ("1", {"depth": 3}) in seen(stand.folder))
    allow(stand, "f")
    until(lambda: {version for version, _ in seen(stand.folder)} == {"1", "$LATEST"})
    event = next(record for version, record in seen(stand.folder) if version == "$LATEST")
    assert (event["detail-type"], event["resources"]) == ("Scheduled Event", [RULE])
    stand.events.disable_rule(Name="tick")
    assert stand.here.followers._tasks == {}


def test_a_rule_goes_on_after_a_restart(aws: None, tmp_path: Path) -> None:
    with deployed(tmp_path) as stand:
        noting(stand)
        allow(stand, "f")
        stand.events.put_rule(Name="tick", ScheduleExpression="rate(1 second)", State="DISABLED")
        stand.events.put_targets(Rule="tick", Targets=[{"Id": "1", "Arn": f"{ARN}f"}])
        stand.events.enable_rule(Name="tick")
    (tmp_path / "seen").unlink(missing_ok=True)
    with deployed(tmp_path):
        until(lambda: bool(seen(tmp_path)))


def test_a_scheduled_event_that_fails_goes_where_the_function_says(stand: Deployed) -> None:
    url, arn = queue("sweeper-failures")
    stand.function("f", FAILS)
    stand.aws.put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    allow(stand, "f")
    stand.events.put_rule(Name="tick", ScheduleExpression="rate(1 second)")
    stand.events.put_targets(Rule="tick", Targets=[{"Id": "1", "Arn": f"{ARN}f"}])
    record = json.loads(received(url)[0]["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"]["resources"] == [RULE]


# --- destinations ----------------------------------------------------------------------------------------------------


def test_records_of_an_alias_go_where_the_alias_says(stand: Deployed) -> None:
    url, arn = queue("records")
    noting(stand, "told", Publish=True)
    stand.function("f", FAILS, Publish=True)
    stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    stand.aws.put_function_event_invoke_config(
        FunctionName="f:live", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    stand.aws.put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": f"{ARN}told:1"}}
    )
    for name in ("f:live", "f"):
        assert stand.aws.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"by": 1}')["StatusCode"] == 202
    until(lambda: bool(seen(stand.folder)))
    ((version, to_function),) = seen(stand.folder)
    (to_queue,) = (json.loads(message["Body"]) for message in received(url))
    assert version == "1"
    assert to_function["requestContext"]["functionArn"] == f"{ARN}f:$LATEST"
    assert to_queue["requestContext"]["functionArn"] == f"{ARN}f:1"
    assert to_queue["requestPayload"] == {"by": 1}


def test_a_dead_letter_is_the_event_itself(stand: Deployed) -> None:
    url, arn = queue("dead")
    stand.function("f", FAILS, DeadLetterConfig={"TargetArn": arn})
    stand.aws.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    stand.aws.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    (letter,) = received(url)
    assert json.loads(letter["Body"]) == {"a": 1}
    said = {name: (one["DataType"], one["StringValue"]) for name, one in letter["MessageAttributes"].items()}
    assert said.pop("RequestID")[0] == "String"
    assert said == {"ErrorCode": ("Number", "200"), "ErrorMessage": ("String", "no")}
