"""Creates the tables of a stage that are missing, and checks the others: `python -m infra.tables --stage local`."""

import argparse
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.resources import Resources, read_resources

READY_SECONDS: Final = 60
_POLL_SECONDS: Final = 1

_SCHEMA: Final = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
_TYPES: Final = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
_STREAM: Final = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class WrongTable(Exception):
    """A table of this name exists and is not what the platform needs; nothing was changed."""


def apply_tables(resources: Resources, dynamodb: Any) -> list[str]:
    """Make all tables exist and ready; return the names of those that were created now."""
    streamed = {resources.tables[stream.table] for stream in resources.streams}
    names = resources.tables.values()
    created = [name for name in names if _create(name, dynamodb, _more(resources, has_stream=name in streamed))]
    for name in resources.tables.values():
        waiting = {"Delay": _POLL_SECONDS, "MaxAttempts": READY_SECONDS // _POLL_SECONDS}
        if _status(name, dynamodb) != "ACTIVE":
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=waiting)
        _check(name, dynamodb, with_stream=name in streamed)
        if resources.keeps_money:
            _protect(name, dynamodb)
    return created


def _more(resources: Resources, *, has_stream: bool) -> dict[str, Any]:
    stream = {"StreamSpecification": _STREAM} if has_stream else {}
    return stream | ({"DeletionProtectionEnabled": True} if resources.keeps_money else {})


def _create(name: str, dynamodb: Any, more: dict[str, Any]) -> bool:
    if _status(name, dynamodb) is not None:
        return False
    try:
        dynamodb.create_table(
            TableName=name,
            KeySchema=_SCHEMA,
            AttributeDefinitions=_TYPES,
            BillingMode="PAY_PER_REQUEST",
            **more,
        )
    except dynamodb.exceptions.ResourceInUseException:  # somebody else was faster
        return False
    return True


def _status(name: str, dynamodb: Any) -> str | None:
    try:
        status: str = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return status


def _check(name: str, dynamodb: Any, *, with_stream: bool) -> None:
    table = dynamodb.describe_table(TableName=name)["Table"]
    types = sorted(table["AttributeDefinitions"], key=lambda row: str(row["AttributeName"]))
    if table["KeySchema"] != _SCHEMA or types != _TYPES:
        raise WrongTable(f"{name} exists with other keys than pk and sk")
    if with_stream and table.get("StreamSpecification", {}).get("StreamViewType") != _STREAM["StreamViewType"]:
        raise WrongTable(f"{name} exists without a stream of old and new images")


def _protect(name: str, dynamodb: Any) -> None:
    if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        recovery = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def main(argv: list[str] | None = None) -> None:
    """Apply the tables of a stage to wherever AWS_ENDPOINT_URL_DYNAMODB, or AWS, is."""
    parser = argparse.ArgumentParser(prog="infra.tables", description=__doc__)
    parser.add_argument("--stage", required=True)
    resources = read_resources(parser.parse_args(argv).stage)
    created = apply_tables(resources, boto3.client("dynamodb"))
    for name in resources.tables.values():
        print(f"{name}: {'created' if name in created else 'there'}")


if __name__ == "__main__":
    main()
