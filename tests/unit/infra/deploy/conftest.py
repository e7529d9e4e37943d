"""Ground to deploy to, AWS that says no, and what it was asked."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.doubles.deploy_ground import ENVIRONMENT, Ground, grounded


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """An account for all tests of a file: IAM, logs and tables are moto's, the rest the emulator's."""
    with grounded(tmp_path_factory.mktemp("planes")) as ground, pytest.MonkeyPatch.context() as patched:
        for name in [one for one in os.environ if one.startswith("AWS_")]:
            patched.delenv(name)
        for service in ("API_GATEWAY", "LAMBDA", "EVENTBRIDGE"):
            patched.setenv(f"AWS_ENDPOINT_URL_{service}", ground.endpoint)
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        # Here an error is one, and is not asked for again.
        patched.setattr("infra.deploy.account._CONFIG", Config(retries={"total_max_attempts": 1}))
        yield ground


@pytest.fixture(scope="module")
def mocked(served: Ground) -> Iterator[Ground]:
    """The same with moto's part for all tests of a file."""
    mock = mock_aws()
    mock.start()
    served.moto_again = mock.reset
    try:
        yield served
    finally:
        mock.stop()


@pytest.fixture
def ground(mocked: Ground, tmp_path: Path) -> Iterator[Ground]:
    """An empty account."""
    mocked.moto_again()
    mocked.renew(tmp_path)
    yield mocked
    mocked.stands = ""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have an operation refused with a code, always or a number of times."""
    genuine = BaseClient._make_api_call

    def refuse(operation: str, code: str, times: int = 1_000_000) -> None:
        left = [times]

        def call(client: BaseClient, name: str, given: dict[str, Any]) -> Any:
            if name == operation and left[0]:
                left[0] -= 1
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
            return genuine(client, name, given)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)

    return refuse


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every call that is made, by operation."""
    genuine, calls = BaseClient._make_api_call, []

    def call(client: BaseClient, name: str, given: dict[str, Any]) -> Any:
        calls.append((name, given))
        return genuine(client, name, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return calls
