"""docs/control-plane.md: its example is run, and every operation of the model is either served or said not to be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import page, quoted, section, table_rows
from tests.doubles.control_planes import Apis, service_model, serving

PAGE = page("docs/control-plane.md")
_BRACES = re.compile(r"\{(.*?)\}")


def _named(text: str) -> Iterator[str]:
    """Yield the operations that are quoted, `{Create,Get}Stage` being two."""
    for word in quoted(text):
        found = _BRACES.search(word)
        for choice in found[1].split(",") if found else ("",):
            name = _BRACES.sub(choice, word)
            if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+", name):
                yield name


def test_the_example_answers_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    apis = Apis(tmp_path)
    found: dict[str, Any] = {}
    with serving([apis.plane]) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_API_GATEWAY", endpoint)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "any")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        exec(example, found)  # noqa: S102 (our own page)
    rows = table_rows(PAGE, "GET of that path")
    key = re.findall(r"`x-api-key: (.*?)`", rows[1][0])[0]
    replies = [apis.ask("GET", found["path"], headers) for headers in ({}, {"x-api-key": key}, {"x-api-key": key})]
    assert [f"{reply.status} `{reply.body.decode()}`" for reply in replies] == [row[1] for row in rows]


def test_every_operation_is_served_or_said_not_to_be(tmp_path: Path) -> None:
    served = list(_named(section(PAGE, "What is served")))
    refused = list(_named(PAGE.partition("These operations answer 501")[2]))
    assert sorted(served) == sorted(Apis(tmp_path).plane.operations)
    assert sorted([*served, *refused]) == sorted(service_model("apigateway").operation_names)
