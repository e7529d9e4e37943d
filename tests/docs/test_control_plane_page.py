"""docs/control-plane.md: its examples are run, and every operation of the models is either served or said not to be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import page, quoted, section, table_rows
from tests.doubles.control_planes import Apis, service_model, serving
from tests.doubles.deployed_lambda import deployed
from tests.doubles.lambda_planes import Lambdas

PAGE = page("docs/control-plane.md")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
REST = "All other operations answer 501"
_BRACES = re.compile(r"\{(.*?)\}")


def _named(text: str) -> Iterator[str]:
    """Yield the operations that are quoted, `{Create,Get}Stage` being two."""
    for word in quoted(text):
        found = _BRACES.search(word)
        for choice in found[1].split(",") if found else ("",):
            name = _BRACES.sub(choice, word)
            if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+|Invoke", name):
                yield name


def _operations(service: str) -> list[str]:
    """Those of the table of what is served."""
    rows = table_rows(section(PAGE, f"{service}: what is served"), "of")
    return [name for row in rows for name in _named(row[1])]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return monkeypatch


def test_the_example_of_an_api_answers_as_shown(tmp_path: Path, keys: pytest.MonkeyPatch) -> None:
    apis = Apis(tmp_path)
    found: dict[str, Any] = {}
    with serving([apis.plane]) as endpoint:
        keys.setenv("AWS_ENDPOINT_URL_API_GATEWAY", endpoint)
        exec(EXAMPLES[0], found)  # noqa: S102 (our own page)
    rows = table_rows(PAGE, "GET of that path")
    key = re.findall(r"`x-api-key: (.*?)`", rows[1][0])[0]
    replies = [apis.ask("GET", found["path"], headers) for headers in ({}, {"x-api-key": key}, {"x-api-key": key})]
    assert [f"{reply.status} `{reply.body.decode()}`" for reply in replies] == [row[1] for row in rows]


def test_the_example_of_a_function_answers_as_shown(tmp_path: Path, keys: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    with deployed(tmp_path) as stand:
        keys.setenv("AWS_ENDPOINT_URL_LAMBDA", stand.aws.meta.endpoint_url)
        exec(EXAMPLES[1], found)  # noqa: S102 (our own page)
        rows = [[cell.strip("`") for cell in row] for row in table_rows(PAGE, "`answer` of")]
        assert [found["answer"](name) for name, _ in rows] == [said for _, said in rows]
        (moved,) = re.findall(r"`(update_alias\(.*?\))`", PAGE)
        exec(f"functions.{moved}", found)  # noqa: S102 (our own page)
        assert found["answer"]("greet:live") == "good morning"
        found["functions"].close()


def test_every_operation_of_api_gateway_is_served_or_said_not_to_be(tmp_path: Path) -> None:
    served = list(_named(section(PAGE, "API Gateway: what is served")))
    refused = list(_named(section(PAGE, "API Gateway: what is refused").partition("These operations answer 501")[2]))
    assert sorted(served) == sorted(Apis(tmp_path).plane.operations)
    assert sorted([*served, *refused]) == sorted(service_model("apigateway").operation_names)


@pytest.mark.parametrize(("service", "name"), [("Lambda", "lambda"), ("EventBridge", "events")])
def test_the_other_planes_serve_what_is_said_and_nothing_else(tmp_path: Path, service: str, name: str) -> None:
    lambdas = Lambdas(tmp_path)
    plane = lambdas.plane if name == "lambda" else lambdas.rules
    served = set(_operations(service))
    assert served == {*plane.operations, *(["Invoke"] if name == "lambda" else [])}
    assert served <= set(service_model(name).operation_names)
    assert REST in section(PAGE, f"{service}: what is served")
