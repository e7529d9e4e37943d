"""Reads DynamoDB Streams of any endpoint with boto3, in threads; imported only where there is a stream to follow.

The endpoints are boto3's own: AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_DYNAMODB_STREAMS.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.lambdas.streams import Record, Unavailable

_SECONDS = 5
# Shard ids of other engines are shorter than AWS's, which boto3 would refuse to send.
_CONFIG = Config(
    parameter_validation=False,
    connect_timeout=_SECONDS,
    read_timeout=_SECONDS,
    retries={"total_max_attempts": 1},
)
_START_OVER = ("TrimmedDataAccessException", "ExpiredIteratorException")


class Boto3StreamReader:
    """One table's stream."""

    def __init__(self, table: str) -> None:
        """Take the table; its stream is looked up at the first read."""
        self._table = table
        self._tables = boto3.client("dynamodb", config=_CONFIG)
        self._streams = boto3.client("dynamodbstreams", config=_CONFIG)
        self.stream = ""
        self._iterators: dict[str, tuple[str | None, str]] = {}

    async def shards(self) -> Sequence[str]:
        """Name the shards there are now."""
        return await asyncio.to_thread(_guarded, self._shards)

    async def read(self, shard: str, after: str | None, limit: int, start: str) -> Sequence[Record]:
        """Return records after a number; the iterator of the last read is used again while it fits."""
        return await asyncio.to_thread(_guarded, lambda: self._read(shard, after, limit, start))

    def _shards(self) -> list[str]:
        table = self._tables.describe_table(TableName=self._table)["Table"]
        self.stream = table["LatestStreamArn"]
        shards = self._streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        return [shard["ShardId"] for shard in shards]

    def _read(self, shard: str, after: str | None, limit: int, start: str) -> list[Record]:
        known_after, iterator = self._iterators.pop(shard, (None, ""))
        if not iterator or known_after != after:
            iterator = self._iterator(shard, after, start)
        found = self._streams.get_records(ShardIterator=iterator, Limit=limit)
        records = [self._as_event(record) for record in found["Records"]]
        last = records[-1]["dynamodb"]["SequenceNumber"] if records else after
        if found.get("NextShardIterator"):
            self._iterators[shard] = (last, found["NextShardIterator"])
        return records

    def _iterator(self, shard: str, after: str | None, start: str) -> str:
        where = {"ShardIteratorType": start}
        if after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        try:
            answer = self._streams.get_shard_iterator(StreamArn=self.stream, ShardId=shard, **where)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _START_OVER:
                raise
            where = {"ShardIteratorType": "TRIM_HORIZON"}
            answer = self._streams.get_shard_iterator(StreamArn=self.stream, ShardId=shard, **where)
        iterator: str = answer["ShardIterator"]
        return iterator

    def _as_event(self, record: Mapping[str, Any]) -> Record:
        """Shape a record as Lambda's event has it: binary as base64 text, instants as seconds."""
        shaped: dict[str, Any] = _plain(record)
        return {**shaped, "eventSource": "aws:dynamodb", "eventSourceARN": self.stream}


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (BotoCoreError, ClientError, KeyError) as error:
        raise Unavailable(str(error)) from error


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return b64encode(value).decode()
        case datetime():
            return value.timestamp()
        case Mapping():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value
