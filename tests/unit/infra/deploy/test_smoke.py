"""The smoke test: what it asks, and which answer is not the one it should be."""

from contextlib import closing
from socket import socket
from typing import Any

import pytest

from infra.deploy import smoke as asked
from infra.deploy.fault import DeployFault
from infra.deploy.smoke import smoke
from infra.local.api_client import Answer

STATUSES = {
    ("GET", "/v1/health", False): 200,
    ("GET", "/v1/accounts", False): 401,
    ("GET", "/v1/accounts", True): 401,
    ("POST", "/oauth2/token", False): 401,
    ("GET", "/v1/nothing", False): 403,
}


class Asked:
    """An API that answers as it should, but for one request."""

    def __init__(self, wrong: dict[tuple[str, str, bool], int]) -> None:
        self.statuses = STATUSES | wrong
        self.closed = False

    def __call__(self, *_place: Any) -> "Asked":
        return self

    def send(self, verb: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        status = self.statuses[verb, path, "Authorization" in headers]
        return Answer(status, {}, b'{"code":"x"}')

    def close(self) -> None:
        self.closed = True


def test_what_was_seen_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Asked({})
    monkeypatch.setattr(asked, "Api", api)
    assert smoke("https://api.test", "") == [
        "GET /v1/health: 200",
        "GET /v1/accounts without a token: 401",
        "GET /v1/accounts with a forged token: 401",
        "POST /oauth2/token by nobody: 401",
        "GET /v1/nothing: 403",
    ]
    assert api.closed


@pytest.mark.parametrize("request_", list(STATUSES))
def test_another_answer_is_a_fault_that_names_it(
    monkeypatch: pytest.MonkeyPatch, request_: tuple[str, str, bool]
) -> None:
    api = Asked({request_: 500})
    monkeypatch.setattr(asked, "Api", api)
    with pytest.raises(
        DeployFault,
        match=rf'{request_[0]} {request_[1]}.*should be answered with {STATUSES[request_]}, not 500: {{"code"',
    ):
        smoke("https://api.test", "")
    assert api.closed


def test_an_api_that_does_not_answer_is_told() -> None:
    with closing(socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with pytest.raises(DeployFault, match=f"https://127.0.0.1:{port} does not answer: .*refused"):
        smoke(f"https://127.0.0.1:{port}", "")


def test_a_stage_that_is_not_everywhere_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new stage of API Gateway answers 403 for some seconds."""
    api, waits = Asked({("GET", "/v1/health", False): 403}), list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            api.statuses = STATUSES

    monkeypatch.setattr(asked, "Api", api)
    monkeypatch.setattr("infra.deploy.smoke.time.sleep", wait)
    assert len(smoke("https://api.test", "", (1.0, 2.0, 4.0))) == len(STATUSES)
    assert waits == [1.0, 2.0]
