"""A new alias is waited for: KMS may not know it for some seconds after it was made."""

from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from infra.signing_keys import ensure_keys

pytestmark = pytest.mark.usefixtures("aws")

ALIAS = "alias/tollgate-local-tokens"


def test_keys_are_made_once_though_their_aliases_are_known_late(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine, late, waits = BaseClient._make_api_call, dict[str, int](), list[float]()

    def call(client: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        name = str(given.get("AliasName") or given.get("KeyId") or "")
        if operation == "CreateAlias":
            late[name] = 2
        elif operation == "DescribeKey" and late.get(name, 0):
            late[name] -= 1
            raise client.exceptions.NotFoundException({"Error": {"Code": "NotFoundException"}}, operation)
        return genuine(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    monkeypatch.setattr("infra.signing_keys.time.sleep", waits.append)
    keys = ensure_keys(boto3.client("kms"), ALIAS, "local")
    assert keys.standby is not None
    assert len(waits) == 2 * len(late) == 6
    assert len(boto3.client("kms").list_keys()["Keys"]) == 2
    with pytest.raises(ClientError):
        boto3.client("kms").describe_key(KeyId="alias/another")
