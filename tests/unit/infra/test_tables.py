"""Tables are created once, checked ever after, and protected where they hold money."""

from typing import Any

import boto3
import pytest

from infra.resources import read_resources
from infra.tables import WrongTable, apply_tables, main

pytestmark = pytest.mark.usefixtures("aws")


def _described(name: str) -> dict[str, Any]:
    table: dict[str, Any] = boto3.client("dynamodb").describe_table(TableName=name)["Table"]
    return table


def test_all_tables_are_created_and_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--stage", "local"])
    assert capsys.readouterr().out.count("created") == 4
    main(["--stage", "local"])
    assert capsys.readouterr().out.count("there") == 4
    for name in read_resources("local").tables.values():
        table = _described(name)
        assert [row["AttributeName"] for row in table["KeySchema"]] == ["pk", "sk"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        stream = table.get("StreamSpecification", {}).get("StreamViewType")
        assert stream == (None if name.endswith(("clients", "projections")) else "NEW_AND_OLD_IMAGES")
        assert not table["DeletionProtectionEnabled"]


def test_l4_outside_a_laptop_tables_cannot_be_lost() -> None:
    client = boto3.client("dynamodb")
    resources = read_resources("prod")
    apply_tables(resources, client)
    commits = resources.tables["commits"]
    client.update_table(TableName=commits, DeletionProtectionEnabled=False)
    apply_tables(resources, client)
    for name in resources.tables.values():
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        assert _described(name)["DeletionProtectionEnabled"]


@pytest.mark.parametrize("fault", ["keys", "stream"])
def test_a_table_that_is_something_else_is_not_touched(fault: str) -> None:
    client = boto3.client("dynamodb")
    names = ["pk"] if fault == "keys" else ["pk", "sk"]
    stream = (
        {} if fault == "stream" else {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}
    )
    client.create_table(
        TableName="tollgate-local-ledger",
        KeySchema=[{"AttributeName": n, "KeyType": t} for n, t in zip(names, ["HASH", "RANGE"], strict=False)],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
        **stream,
    )
    before = _described("tollgate-local-ledger")
    with pytest.raises(WrongTable, match="tollgate-local-ledger exists"):
        apply_tables(read_resources("local"), client)
    assert _described("tollgate-local-ledger") == before
