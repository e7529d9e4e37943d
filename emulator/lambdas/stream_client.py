"""Reads DynamoDB Streams of any endpoint with boto3, in threads; imported only where there is a stream to follow.

The endpoints are boto3's own: AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_DYNAMODB_STREAMS. Records are read as they
are on the wire, which is what Lambda hands on: boto3 would take half a core to turn a busy ledger's into types of
Python, only to have them turned back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from emulator.lambdas.streams import Record, Unavailable

_SECONDS = 5
# Shard ids of other engines are shorter than AWS's, which boto3 would refuse to send.
_CONFIG = Config(
    parameter_validation=False,
    connect_timeout=_SECONDS,
    read_timeout=_SECONDS,
    retries={"total_max_attempts": 1},
)
_TARGET = "DynamoDBStreams_20120810.GetRecords"
_OK = 200
_START_OVER = ("TrimmedDataAccessException", "ExpiredIteratorException")


class Boto3StreamReader:
    """One table's stream."""

    def __init__(self, table: str) -> None:
        """Take the table; its stream is looked up at the first read."""
        self._table = table
        self._tables = boto3.client("dynamodb", config=_CONFIG)
        self._streams = boto3.client("dynamodbstreams", config=_CONFIG)
        self._records = _Records(self._streams.meta.endpoint_url, self._streams.meta.region_name)
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
        found = self._records.get(iterator, limit)
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

    def _as_event(self, record: dict[str, Any]) -> Record:
        return {**record, "eventSource": "aws:dynamodb", "eventSourceARN": self.stream}


class _Records:
    """GetRecords of an endpoint, signed, its answer as it is on the wire."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._credentials = boto3.Session().get_credentials()
        self._http = URLLib3Session(timeout=(_SECONDS, _SECONDS))

    def get(self, iterator: str, limit: int) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": _TARGET}
        body = orjson.dumps({"ShardIterator": iterator, "Limit": limit})
        request = AWSRequest("POST", self._endpoint + "/", headers, body)
        SigV4Auth(self._credentials, "dynamodb", self._region).add_auth(request)
        answer = self._http.send(request.prepare())
        if answer.status_code != _OK:
            raise Unavailable(f"GetRecords: {answer.status_code} {answer.text[:200]}")
        found: dict[str, Any] = orjson.loads(answer.content)
        return found


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (BotoCoreError, ClientError, KeyError, orjson.JSONDecodeError) as error:
        raise Unavailable(str(error)) from error
