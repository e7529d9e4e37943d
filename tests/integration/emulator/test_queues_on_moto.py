"""Functions behind real queues (moto's), called by the real runtime client, and records sent to queues.

Source: AWS Lambda developer guide: with-sqs.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator.clock import Clock
from emulator.lambdas import FunctionConfig, Functions
from emulator.lambdas.asynchronous import Asynchronous
from emulator.lambdas.destinations import deliver
from emulator.lambdas.event_sources import QueueSource
from emulator.lambdas.followers import Followers
from infra.local import engines
from infra.local.place import aws_environment

HANDLER = """
import json, os

def handle(event, context):
    failed = []
    with open(os.environ["SEEN"], "a") as file:
        for record in event["Records"]:
            file.write(json.dumps(record) + "\\n")
            if record["body"] == "die" and record["attributes"]["ApproximateReceiveCount"] == "1":
                file.flush()
                os._exit(1)
            if record["body"] == "poison":
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}

def fail(event, context):
    raise ValueError("no")
"""
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Give an endpoint with queues and topics."""
    engine = engines.start_moto()
    yield engine.url
    engine.stop()


@pytest.fixture
def sqs(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a client of it, with an environment that leads others there as well."""
    for name, value in aws_environment(moto, moto).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("sqs")
    yield client
    client.close()


def _queue(sqs: Any, name: str, **attributes: str) -> tuple[str, str]:
    """Make a queue; return its URL and ARN."""
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _seen(tmp_path: Path) -> list[dict[str, Any]]:
    file = tmp_path / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _config(tmp_path: Path, handler: str = "handle", **more: Any) -> FunctionConfig:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "entry.py").write_text(HANDLER)
    environment = {"SEEN": str(tmp_path / "seen")}
    return FunctionConfig("f", f"entry.{handler}", str(tmp_path / "code"), 128, 20.0, environment, **more)


def _follow(tmp_path: Path, source: QueueSource, enough: Callable[[], bool]) -> None:
    """Run the function behind its queue until enough has happened."""

    async def play() -> None:
        functions = Functions([_config(tmp_path)], watch=False, warm=False)
        followers = Followers([source], functions, tmp_path, Clock(), "us-east-1", "123456789012")
        await functions.start()
        try:
            followers.start()
            while not await asyncio.to_thread(enough):
                await asyncio.sleep(0.02)
        finally:
            await followers.stop()
            await functions.stop()

    asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))


def _is_empty(sqs: Any, url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(attributes[name] == "0" for name in names)


def test_a_message_as_lambda_spells_it(sqs: Any, tmp_path: Path) -> None:
    """Source: Lambda developer guide, "Using Lambda with Amazon SQS", the example of an event."""
    url, arn = _queue(sqs, "spelt")
    attributes = {
        "kind": {"DataType": "String", "StringValue": "letter"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    _follow(tmp_path, QueueSource("f", "spelt"), lambda: _is_empty(sqs, url))
    (record,) = _seen(tmp_path)
    assert record.pop("receiptHandle")
    assert len(record.pop("messageId")) == 36
    assert record.pop("md5OfMessageAttributes")
    told = record.pop("attributes")
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= told.keys()
    assert record == {
        "body": "hello",
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "messageAttributes": {
            "kind": {"dataType": "String", "stringValue": "letter", "stringListValues": [], "binaryListValues": []},
            "raw": {"dataType": "Binary", "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": []},
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }


def test_a_worker_that_dies_loses_no_message(sqs: Any, tmp_path: Path) -> None:
    url, _ = _queue(sqs, "deadly", VisibilityTimeout="1")
    for body in ("die", "other"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    _follow(tmp_path, QueueSource("f", "deadly", maximum_concurrency=2), lambda: _is_empty(sqs, url))
    assert {record["body"] for record in _seen(tmp_path)} == {"die", "other"}
    assert max(int(record["attributes"]["ApproximateReceiveCount"]) for record in _seen(tmp_path)) > 1


def test_a_poison_message_ends_in_the_dead_letter_queue(sqs: Any, tmp_path: Path) -> None:
    dead_url, dead_arn = _queue(sqs, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "2"})
    url, _ = _queue(sqs, "poisoned", VisibilityTimeout="1", RedrivePolicy=redrive)
    for body in ("good", "poison", "fine"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    source = QueueSource("f", "poisoned", report_batch_item_failures=True)
    _follow(tmp_path, source, lambda: not _is_empty(sqs, dead_url))
    bodies = [record["body"] for record in _seen(tmp_path)]
    assert (bodies.count("good"), bodies.count("fine"), bodies.count("poison")) == (1, 1, 2)


def test_records_go_to_queues_and_topics(sqs: Any, tmp_path: Path) -> None:
    """What asynchronous invocations were given up for, to a queue; anything at all, through a topic."""
    url, arn = _queue(sqs, "given-up")
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    async def play() -> None:
        config = _config(tmp_path, "fail", on_failure=arn, maximum_retry_attempts=0)
        functions = Functions([config], watch=False, warm=False)
        await functions.start()
        try:
            asynchronous = Asynchronous(functions, Clock())
            asynchronous.accept(config, b'{"a":1}', "r-1")
            await asynchronous.settled()
            await deliver(topic, '{"by": "topic"}')
            await deliver("arn:aws:sqs:us-east-1:123456789012:nobodys", "{}")  # printed, and no reason to stop
        finally:
            await functions.stop()

    asyncio.run(asyncio.wait_for(play(), PATIENCE_SECONDS))
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    first, second = sorted((json.loads(message["Body"]) for message in found), key=len)
    assert first == {"by": "topic"}
    assert second["requestPayload"] == {"a": 1}
    assert second["requestContext"]["condition"] == "RetriesExhausted"
    assert second["responsePayload"]["errorType"] == "ValueError"
    sns.close()
