"""docs/errors.md says what the catalogue says."""

from infra.errors_page import PAGE, render


def test_the_page_is_the_catalogue() -> None:
    assert PAGE.read_text() == render(), "run python -m infra.errors_page"
