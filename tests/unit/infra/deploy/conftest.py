"""AWS that says no, and what it was asked."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError


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
