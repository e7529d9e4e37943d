"""Where the tables of a contract test are, and how to reach them past the port."""

from typing import Any

import boto3
from botocore.config import Config

from chalicelib.store.port import Table
from chalicelib.store.wire import AwsJson, Credentials

TABLES: dict[Table, str] = {
    "commits": "tollgate-local-commits",
    "ledger": "tollgate-local-ledger",
    "clients": "tollgate-local-clients",
}
REGION = "us-east-1"
CREDENTIALS = Credentials("AKIDCONTRACT", "not-a-secret")


_wires: list[AwsJson] = []


def lean_wire(url: str) -> AwsJson:
    wire = AwsJson("dynamodb", "DynamoDB_20120810", endpoint=url, region=REGION, credentials=lambda: CREDENTIALS)
    _wires.append(wire)
    return wire


def close_wires() -> None:
    """Close what the wires keep open; one that is used again opens a connection of its own."""
    for wire in _wires:
        wire.close()


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
    """The three tables as every stage has them."""
    client = boto3_client(url)
    for name in TABLES.values():
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
