"""Which commands find the running stack, and which are left alone."""

from pathlib import Path

import pytest

from infra.local.attach import attach
from infra.local.place import AWS_FILE

ENDPOINTS = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / AWS_FILE).write_text('{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}')
    return tmp_path


def test_the_running_stack_is_found(data: Path) -> None:
    environ = {"DATA": str(data)}
    assert attach("local", environ) == data
    assert environ == {"DATA": str(data), **ENDPOINTS}


@pytest.mark.parametrize(("stage", "more"), [("prod", {}), ("local", {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"})])
def test_another_place_is_left_alone(data: Path, stage: str, more: dict[str, str]) -> None:
    environ = {"DATA": str(data), **more}
    assert attach(stage, environ) is None
    assert environ == {"DATA": str(data), **more}


def test_without_a_stack_nothing_is_changed(tmp_path: Path) -> None:
    environ = {"DATA": str(tmp_path)}
    assert attach("local", environ) is None
    assert environ == {"DATA": str(tmp_path)}
