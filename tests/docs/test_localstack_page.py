"""docs/localstack.md has a row for each test of a difference, and says of localstack-client what is so.

Its blocks are run by tests/integration/localstack/test_platform_there.py.
"""

import inspect
from importlib.metadata import version

import pytest
from localstack_client.config import get_service_endpoints

from infra.local import ministack, stand_in, waiters
from tests.docs.pages import page, table_rows
from tests.integration.localstack import test_stand_in_differences
from tests.integration.localstack.differences import DIFFERENCES, STAND_INS, known

PAGE = page("docs/localstack.md")
AS_AWS = "as AWS"


def _tests() -> list[str]:
    there = inspect.getmembers(test_stand_in_differences, inspect.isfunction)
    names = [name for name, _ in there if name.startswith("test_")]
    return sorted(names, key=lambda name: inspect.getsourcelines(getattr(test_stand_in_differences, name))[1])


def test_the_table_is_what_is_tested() -> None:
    tests = _tests()
    assert set(DIFFERENCES) <= set(tests)
    wanted = [
        [test.removeprefix("test_").replace("_", " "), *(known(test, one) or AS_AWS for one in STAND_INS)]
        for test in tests
    ]
    assert table_rows(PAGE, "on AWS") == wanted, "\n".join(f"| {' | '.join(row)} |" for row in wanted)


def test_the_versions_are_those_that_are_run() -> None:
    assert f"MiniStack {ministack.version()} and against moto {version('moto')}" in PAGE
    assert f"localstack-client {version('localstack-client')}" in PAGE


def test_the_settings_have_the_defaults_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {row[0].strip("`"): row[1].strip("`") for row in table_rows(PAGE, "variable")}
    default = stand_in.chosen({})
    assert default == stand_in.chosen({name: said[name] for name in ("ENDPOINT", "FUNCTIONS")})
    assert f"127.0.0.1:{default.port}" in PAGE
    assert f"look every {waiters.POLL_SECONDS} s" in PAGE


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, "http://localhost:4566"),
        ({"LOCALSTACK_HOST": "127.0.0.1:4600"}, "http://127.0.0.1:4600"),
        ({"LOCALSTACK_HOST": "127.0.0.1:4600", "AWS_ENDPOINT_URL": "http://127.0.0.1:4700"}, "http://127.0.0.1:4700"),
        ({"EDGE_PORT": "4600"}, "http://localhost:4566"),
        ({"AWS_ENDPOINT_URL_APIGATEWAY": "http://127.0.0.1:4800"}, "http://localhost:4566"),
        ({"AWS_ENDPOINT_URL_API_GATEWAY": "http://127.0.0.1:4800"}, "http://localhost:4566"),
    ],
)
def test_localstack_client_looks_where_it_is_said(
    environment: dict[str, str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL", "EDGE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert get_service_endpoints()["apigateway"] == endpoint
