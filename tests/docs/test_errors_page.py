"""docs/errors.md says what the catalogue and the gateway's responses say."""

import yaml

from infra.errors_page import API, PAGE, REMEDIES, RESPONSES, render, responses
from tests.docs.pages import page, table_rows

SHOWN = page("docs/errors.md").split("## Of the gateway")[1]
ROWS = table_rows(SHOWN, "status")


def test_the_page_is_the_catalogue() -> None:
    assert PAGE.read_text() == render(), "run python -m infra.errors_page"


def test_every_response_of_the_gateway_is_shown_with_its_status_and_code() -> None:
    defined = yaml.safe_load(API.read_text())[RESPONSES]
    assert {row[2].strip("`"): row[0] for row in ROWS} == {kind: one["statusCode"] for kind, one in defined.items()}
    for status, code, kind, *_ in ROWS:
        template = " ".join(defined[kind.strip("`")]["responseTemplates"]["application/json"].split())
        assert f'"code":"{code.strip("`")}"' in template
        assert f'"status":{status},' in template


def test_each_has_a_cause_and_what_to_do() -> None:
    for _, _, kind, cause, remedy, _ in ROWS:
        assert len(cause) > 10, kind
        assert remedy.endswith("."), kind
        assert "$" not in cause + remedy, kind


def test_there_is_no_remedy_for_what_cannot_happen() -> None:
    assert {one.kind for one in responses()} >= set(REMEDIES)
