"""What stands in for AWS is chosen by two settings, and started only where nobody is."""

import socket
from pathlib import Path

import pytest

from infra.local import stand_in
from infra.local.engines import HOST, free_port
from infra.local.place import BadSetting


@pytest.mark.parametrize(
    ("asked", "name", "url", "here", "forgets"),
    [
        ({}, "ministack", "http://127.0.0.1:4566", False, True),
        ({"ENDPOINT": ""}, "ministack", "http://127.0.0.1:4566", False, True),
        ({"ENDPOINT": "ministack:4600"}, "ministack", "http://127.0.0.1:4600", False, True),
        ({"ENDPOINT": "ministack", "FUNCTIONS": "here"}, "ministack", "http://127.0.0.1:4566", True, True),
        ({"ENDPOINT": "moto"}, "moto", "http://127.0.0.1:4566", True, True),
        ({"ENDPOINT": "moto:5000", "FUNCTIONS": "there"}, "moto", "http://127.0.0.1:5000", False, True),
        ({"ENDPOINT": "http://127.0.0.1:4566/"}, "the stand-in", "http://127.0.0.1:4566", False, False),
        ({"ENDPOINT": "https://localstack:4566"}, "the stand-in", "https://localstack:4566", False, False),
    ],
)
def test_it_is_what_was_asked_for(asked: dict[str, str], name: str, url: str, here: bool, forgets: bool) -> None:
    found = stand_in.chosen(asked)
    assert (found.name, found.url, found.functions_here, found.forgets) == (name, url, here, forgets)
    assert url in found.sentence


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ENDPOINT": "localstack"}, "ENDPOINT is ministack, moto or a url such as http://127.0.0.1:4566"),
        ({"ENDPOINT": "127.0.0.1:4566"}, "ENDPOINT is ministack, moto or a url"),
        ({"ENDPOINT": "ministack:high"}, "the port must be a number"),
        ({"ENDPOINT": "moto:70000"}, "the port must be a number"),
        ({"FUNCTIONS": "everywhere"}, "FUNCTIONS=everywhere: choose one of there, here"),
    ],
)
def test_what_cannot_be_used_is_said(asked: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        stand_in.chosen(asked)


def test_where_somebody_listens_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind((HOST, free_port()))
        somebody.listen()
        port = somebody.getsockname()[1]
        asked = stand_in.chosen({"ENDPOINT": f"ministack:{port}"})
        with pytest.raises(BadSetting, match=f"port {port} is in use: .* ENDPOINT=http://127.0.0.1:{port}, or"):
            stand_in.start(asked, tmp_path, tmp_path / "log")


def test_what_runs_already_is_not_started(tmp_path: Path) -> None:
    asked = stand_in.chosen({"ENDPOINT": "http://127.0.0.1:1"})
    assert stand_in.start(asked, tmp_path, tmp_path / "log") is None
