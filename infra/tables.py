"""Creates the tables of a stage that are missing, and checks the others: `python -m infra.tables --stage local`."""

import argparse
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.resources import Resources, read_resources
from infra.template import Row, table

READY_SECONDS: Final = 60
_POLL_SECONDS: Final = 1
_GUARDS: Final = ("DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification")
"""What can be put right on a table that is there."""


class WrongTable(Exception):
    """A table of this name exists and is not what the platform needs; nothing was changed."""


def apply_tables(resources: Resources, dynamodb: Any) -> list[str]:
    """Make all tables exist and ready; return the names of those that were created now."""
    wanted = [table(resources, name) for name in resources.tables]
    created = [row["TableName"] for row in wanted if _create(row, dynamodb)]
    for row in wanted:
        _await(row["TableName"], dynamodb)
        _check(row, _found(row["TableName"], dynamodb))
        _guard(row, dynamodb)
    return created


def found_table(wanted: Row, dynamodb: Any) -> Row | None:
    """Return a table's properties in the words of its description, None if it is not there.

    Only what `wanted` speaks of is asked for: a laptop's engine knows nothing of backups.
    """
    there = _found(wanted["TableName"], dynamodb)
    if there is None:
        return None
    stream = there.get("StreamSpecification", {})
    view = {"StreamViewType": stream["StreamViewType"]} if stream.get("StreamEnabled") else None
    return {
        "TableName": there["TableName"],
        "BillingMode": there.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "KeySchema": there["KeySchema"],
        "AttributeDefinitions": sorted(there["AttributeDefinitions"], key=lambda one: str(one["AttributeName"])),
        **({"StreamSpecification": view} if view else {}),
        **(_guards(there, dynamodb) if _GUARDS[0] in wanted else {}),
    }


def _found(name: str, dynamodb: Any) -> Row | None:
    try:
        there: Row = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return there


def _create(wanted: Row, dynamodb: Any) -> bool:
    if _found(wanted["TableName"], dynamodb) is not None:
        return False
    given = {name: value for name, value in wanted.items() if name != "PointInTimeRecoverySpecification"}
    if "StreamSpecification" in given:
        given["StreamSpecification"] = {"StreamEnabled": True, **wanted["StreamSpecification"]}
    if "SSESpecification" in given:
        given["SSESpecification"] = _encryption(wanted)
    try:
        dynamodb.create_table(**given)
    except dynamodb.exceptions.ResourceInUseException:  # somebody else was faster
        return False
    return True


def _encryption(wanted: Row) -> Row:
    return {"Enabled": True, "SSEType": wanted["SSESpecification"]["SSEType"]}


def _await(name: str, dynamodb: Any) -> None:
    """Wait until a table takes changes: it does one at a time."""
    if (_found(name, dynamodb) or {}).get("TableStatus") != "ACTIVE":
        waiting = {"Delay": _POLL_SECONDS, "MaxAttempts": READY_SECONDS // _POLL_SECONDS}
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=waiting)


def _check(wanted: Row, there: Row | None) -> None:
    name = wanted["TableName"]
    assert there is not None  # it was waited for
    types = sorted(there["AttributeDefinitions"], key=lambda row: str(row["AttributeName"]))
    if there["KeySchema"] != wanted["KeySchema"] or types != wanted["AttributeDefinitions"]:
        raise WrongTable(f"{name} exists with other keys than pk and sk: give it another name, or this stage")
    view = wanted.get("StreamSpecification", {}).get("StreamViewType")
    if view and there.get("StreamSpecification", {}).get("StreamViewType") != view:
        raise WrongTable(
            f"{name} exists without a stream of old and new images: what was written meanwhile is in no statement. "
            "Turn the stream on, deploy again, and run python -m infra.rebuild"
        )


# --- what guards a table -------------------------------------------------------------------------------------


def _guard(wanted: Row, dynamodb: Any) -> None:
    name = wanted["TableName"]
    there = found_table(wanted, dynamodb) or {}
    missing = [guard for guard in _GUARDS if guard in wanted and there.get(guard) != wanted[guard]]
    for guard in missing:
        if guard == "PointInTimeRecoverySpecification":
            dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted[guard])
        elif guard == "SSESpecification":
            dynamodb.update_table(TableName=name, SSESpecification=_encryption(wanted))
        else:
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
        _await(name, dynamodb)


def _guards(there: Row, dynamodb: Any) -> Row:
    backups = dynamodb.describe_continuous_backups(TableName=there["TableName"])["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    # Without a description it is DynamoDB's own key, which nobody can look at.
    key = there.get("SSEDescription", {})
    is_on = key.get("Status") in ("ENABLED", "ENABLING", "UPDATING")
    return {
        "DeletionProtectionEnabled": bool(there.get("DeletionProtectionEnabled")),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovery == "ENABLED"},
        "SSESpecification": {"SSEEnabled": is_on, **({"SSEType": key.get("SSEType", "KMS")} if is_on else {})},
    }


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
