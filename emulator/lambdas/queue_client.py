"""Reads queues of any endpoint with boto3, in threads; imported only where there is a queue.

The endpoints are boto3's own: AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_SNS, else AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.lambdas.queues import RECEIVED_AT_ONCE, Message
from emulator.lambdas.streams import Unavailable

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})


class Boto3Queue:
    """One queue, by its name."""

    def __init__(self, name: str) -> None:
        """Take the name; the queue is looked up at the first request."""
        self._name = name
        self._client = boto3.client("sqs", config=_CONFIG)
        self._url = self._arn = ""

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Message]:
        """Return messages as events have them; who leaves while the queue is asked gives back what comes."""
        left = threading.Event()
        try:
            return await asyncio.to_thread(_guarded, lambda: self._receive(limit, wait_seconds, left))
        except asyncio.CancelledError:
            left.set()
            raise

    async def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages by their receipts."""
        await asyncio.to_thread(_guarded, lambda: self._delete(messages))

    def _receive(self, limit: int, wait_seconds: float, left: threading.Event) -> list[Message]:
        answer = self._client.receive_message(
            QueueUrl=self._found(),
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=int(wait_seconds),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = [self._as_event(message) for message in answer.get("Messages", ())]
        if left.is_set():
            self._give_back(messages)
        return messages

    def _give_back(self, messages: Sequence[Message]) -> None:
        for message in messages:
            receipt = message["receiptHandle"]
            self._client.change_message_visibility(QueueUrl=self._found(), ReceiptHandle=receipt, VisibilityTimeout=0)

    def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), RECEIVED_AT_ONCE):
            some = messages[start : start + RECEIVED_AT_ONCE]
            entries = [{"Id": str(n), "ReceiptHandle": one["receiptHandle"]} for n, one in enumerate(some)]
            answer = self._client.delete_message_batch(QueueUrl=self._found(), Entries=entries)
            if answer.get("Failed"):
                raise Unavailable(f"{self._name}: {len(answer['Failed'])} messages could not be deleted")

    def _found(self) -> str:
        if not self._url:
            url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
            wanted = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            self._url, self._arn = url, wanted["Attributes"]["QueueArn"]
        return self._url

    def _as_event(self, message: dict[str, Any]) -> Message:
        """Spell a message as Lambda does."""
        given = message.get("MessageAttributes", {})
        event = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {name: _attribute(value) for name, value in given.items()},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": self._client.meta.region_name,
        }
        if "MD5OfMessageAttributes" in message:
            event["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
        return event


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        told["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        told["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return told


def send(arn: str, body: str, attributes: Mapping[str, str]) -> None:
    """Send a record to the queue or the topic that an ARN names; raises Unavailable."""
    *_, service, _, _, name = arn.split(":", 5)
    kinds = {"ErrorCode": "Number"}
    given = {key: {"DataType": kinds.get(key, "String"), "StringValue": value} for key, value in attributes.items()}

    def to_queue() -> None:
        queues = boto3.client("sqs", config=_CONFIG)
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        queues.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)

    def to_topic() -> None:
        boto3.client("sns", config=_CONFIG).publish(TopicArn=arn, Message=body, MessageAttributes=given)

    _guarded(to_queue if service == "sqs" else to_topic)


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(str(error)) from error
