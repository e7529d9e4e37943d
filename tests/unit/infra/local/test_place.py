"""PORT, DATA, ENGINE and LOCAL: their defaults, and one clear line for what cannot be used."""

import re
import socket
from pathlib import Path

import pytest

from infra.local.engines import ROOT, free_port
from infra.local.place import BadSetting, Place, aws_environment


def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.place._port", lambda text: int(text or 8443))
    place = Place.from_environment({})
    assert (place.port, place.engine) == (8443, "auto")
    assert (place.local, place.data) == (ROOT / ".local", ROOT / ".local" / "data")
    assert place.issuer == "https://localhost:8443/_emulator/issuer"


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    port = free_port()
    place = Place.from_environment({"PORT": str(port), "DATA": str(tmp_path), "ENGINE": "moto", "LOCAL": "here"})
    assert (place.port, place.data, place.engine) == (port, tmp_path, "moto")
    assert place.local == Path("here").resolve(), "the emulator is started in another folder than this one"


def test_empty_is_not_set() -> None:
    place = Place.from_environment({"PORT": str(free_port()), "DATA": "", "ENGINE": "", "LOCAL": ""})
    assert (place.data, place.engine) == (ROOT / ".local" / "data", "auto")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8443.0", "https", " 1"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(f"PORT must be a number from 1 to 65535, not {port!r}")):
        Place.from_environment({"PORT": port})


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadSetting, match=f"port {port} is in use"):
            Place.from_environment({"PORT": str(port)})


def test_clients_of_aws_find_the_stack_and_never_aws() -> None:
    environment = aws_environment("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert environment["AWS_ENDPOINT_URL"].endswith(":1")
    assert environment["AWS_ENDPOINT_URL_DYNAMODB"] == environment["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"]
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} <= environment.keys()


@pytest.mark.parametrize(("said", "deployed"), [("", False), ("0", False), ("1", True)])
def test_deployed_or_from_the_source_tree(said: str, *, deployed: bool) -> None:
    place = Place.from_environment({"PORT": str(free_port()), "DEPLOYED": said})
    assert (place.deployed, place.control_port > 0) == (deployed, deployed)


def test_a_switch_that_is_neither_on_nor_off() -> None:
    with pytest.raises(BadSetting, match="DEPLOYED must be 0 or 1, not 'yes'"):
        Place.from_environment({"PORT": str(free_port()), "DEPLOYED": "yes"})
