"""AWS in this process, and the function's environment as it is deployed."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.keys.aws import client
from infra.functions import function_rows

ROW = next(row for row in function_rows("local") if row["name"] == "tollgate-local-keys")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, in which the function runs."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ROW["environment"].items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    with mock_aws():
        yield
    client.cache_clear()
