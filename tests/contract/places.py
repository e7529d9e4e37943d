"""Where the tables of a contract test are, and how to reach them past the port."""

from typing import Any

import boto3
from botocore.config import Config

from chalicelib.store.port import Table
from chalicelib.store.wire import AwsJson, Credentials

TABLES: dict[Table, str] = {
    "commits": "tollgate-local-commits",
    "ledger": "tollgate-local-ledger",
    "projections": "tollgate-local-projections",
    "clients": "tollgate-local-clients",
}
REGION = "us-east-1"
CREDENTIALS = Credentials("AKIDCONTRACT", "not-a-secret")
DYNAMODB, STREAMS = "DynamoDB_20120810", "DynamoDBStreams_20120810"

Json = dict[str, Any]

_wires: list[AwsJson] = []


def lean_wire(url: str) -> AwsJson:
    wire = AwsJson("dynamodb", DYNAMODB, endpoint=url, region=REGION, credentials=lambda: CREDENTIALS)
    _wires.append(wire)
    return wire


def close_wires() -> None:
    """Close what the wires keep open; one that is used again opens a connection of its own."""
    for wire in _wires:
        wire.close()


def ask(url: str, operation: str, body: Json, *, target: str = DYNAMODB, secret_key: str = "not-a-secret") -> Json:
    """Return the answer to one request, past the port and its codec."""
    credentials = Credentials(CREDENTIALS.access_key, secret_key)
    wire = AwsJson("dynamodb", target, endpoint=url, region=REGION, credentials=lambda: credentials)
    try:
        return wire.call(operation, body, 20.0)
    finally:
        wire.close()


def read_stream(url: str, table: str) -> list[Json]:
    """Return every record of a table's stream, from its beginning, in each shard's order."""
    arn = _stream(url, table)
    return [record for shard in shards(url, table) for record in _read_shard(url, arn, shard)]


def shards(url: str, table: str) -> list[str]:
    """Return the ids of the shards of a table's stream."""
    return [str(shard["ShardId"]) for shard in describe_shards(url, table)]


def describe_shards(url: str, table: str) -> list[Json]:
    """Return the shards of a table's stream as they are described."""
    described = ask(url, "DescribeStream", {"StreamArn": _stream(url, table)}, target=STREAMS)
    found: list[Json] = described["StreamDescription"]["Shards"]
    return found


def _stream(url: str, table: str) -> str:
    return str(ask(url, "DescribeTable", {"TableName": table})["Table"]["LatestStreamArn"])


def _read_shard(url: str, arn: str, shard: str) -> list[Json]:
    """Return its first page: it holds all that a test writes."""
    start = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = ask(url, "GetShardIterator", start, target=STREAMS)["ShardIterator"]
    records: list[Json] = ask(url, "GetRecords", {"ShardIterator": iterator}, target=STREAMS)["Records"]
    return records


def boto3_client(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS.access_key,
        aws_secret_access_key=CREDENTIALS.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def create_tables(url: str) -> None:
    """The tables as every stage has them."""
    for name in TABLES.values():
        create_table(url, name)


def create_table(url: str, name: str) -> None:
    """A table as every one of ours is, with its stream."""
    boto3_client(url).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def delete_table(url: str, name: str) -> None:
    boto3_client(url).delete_table(TableName=name)
