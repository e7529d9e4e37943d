"""The desk is opened from the environment, and a function with an incomplete one says all that is wrong."""

import importlib
from base64 import b64encode
from typing import Any

import pytest

from chalicelib.kernel.problems import BUSY, Problem
from chalicelib.settings import Settings, SettingsError, TokenSettings
from chalicelib.store.port import OutcomeUnknown, Unreachable
from chalicelib.store.wire import AwsError
from chalicelib.tokens.desk import open_desk, read_pepper

SETTINGS = {
    "TOLLGATE_STAGE": "local",
    "COMMITS_TABLE": "c",
    "LEDGER_TABLE": "l",
    "PROJECTIONS_TABLE": "p",
    "CLIENTS_TABLE": "k",
    "DYNAMO_CLIENT": "lean",
}
TOKEN_SETTINGS = {
    "ISSUER": "https://issuer.example",
    "AUDIENCE": "tollgate",
    "SIGNING_KEY_ID": "alias/tokens",
    "PEPPER_SECRET_ID": "pepper",
    "TOKEN_SECONDS": "900",
}


class _Secrets:
    def call(
        self, operation: str, body: dict[str, Any], timeout_seconds: float, *, repeatable: bool = False
    ) -> dict[str, Any]:
        assert (operation, body, timeout_seconds > 0, repeatable) == (
            "GetSecretValue",
            {"SecretId": "pepper"},
            True,
            True,
        )
        return {"SecretBinary": b64encode(b"p" * 32).decode()}


def test_the_pepper_is_binary() -> None:
    assert read_pepper(_Secrets(), "pepper") == b"p" * 32


class _Failing:
    """Secrets Manager having a bad moment."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def call(
        self, operation: str, body: dict[str, Any], timeout_seconds: float, *, repeatable: bool = False
    ) -> dict[str, Any]:
        del operation, body, timeout_seconds, repeatable
        raise self.fault


@pytest.mark.parametrize(
    "fault", [Unreachable("refused"), OutcomeUnknown("silence"), AwsError("ThrottlingException", 400, {})]
)
def test_a_pepper_that_cannot_be_read_now_is_asked_for_again(fault: Exception) -> None:
    with pytest.raises(Problem) as caught:
        read_pepper(_Failing(fault), "pepper")
    assert caught.value.kind is BUSY


def test_a_pepper_that_may_not_be_read_is_a_fault() -> None:
    with pytest.raises(AwsError):
        read_pepper(_Failing(AwsError("AccessDeniedException", 400, {})), "pepper")


def test_the_desk_opens_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    for name, value in {**SETTINGS, **TOKEN_SETTINGS, **keys}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("chalicelib.tokens.desk.read_pepper", lambda _, secret_id: secret_id.encode())
    desk = open_desk()
    assert (desk.pepper, desk.terms.issuer, desk.terms.token_seconds) == (b"pepper", "https://issuer.example", 900)


def test_the_handler_is_found_by_its_string() -> None:
    entrypoint = importlib.import_module("chalicelib.tokens.entrypoint")
    assert callable(entrypoint.handle)
    assert list(entrypoint.service.routes) == ["POST /oauth2/token"]


def test_settings_are_read() -> None:
    settings = Settings.from_environment(SETTINGS)
    assert settings.table_names() == {"commits": "c", "ledger": "l", "projections": "p", "clients": "k"}
    assert settings.dynamo_client == "lean"
    assert Settings.from_environment(SETTINGS | {"DYNAMO_CLIENT": "boto3"}).dynamo_client == "boto3"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"COMMITS_TABLE": "", "LEDGER_TABLE": "l", "DYNAMO_CLIENT": "redis"})
    text = str(caught.value)
    for fault in ("TOLLGATE_STAGE is missing", "COMMITS_TABLE is missing", "DYNAMO_CLIENT must be lean or boto3"):
        assert fault in text
    assert "LEDGER_TABLE" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "http://issuer.example"),
        ("ISSUER", "https://issuer.example?x=1"),
        ("ISSUER", "https://issuer.example#x"),
        ("AUDIENCE", ""),
        ("TOKEN_SECONDS", "299"),
        ("TOKEN_SECONDS", "901"),
        ("TOKEN_SECONDS", "9e2"),
        ("TOKEN_SECONDS", "٩٠٠"),
        ("TOKEN_SECONDS", "9" * 5_000),
    ],
)
def test_o9_token_settings_are_checked(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        TokenSettings.from_environment(TOKEN_SETTINGS | {name: value})
