"""docs/accounts.md says of kinds, settings and statuses what the code does."""

import pytest

from chalicelib.accounts.account import MOST_MANDATES
from chalicelib.accounts.entrypoint import service
from chalicelib.accounts.schema import CreateAccount, UpdateAccount
from chalicelib.ledger.chart import MOST_SLICES, RULES, AccountKind
from tests.docs.pages import page, quoted, table_rows
from tests.doubles.small_ledger import OPERATOR, SmallLedger

PAGE = page("docs/accounts.md")
SETTINGS = {row[0].strip("`"): row[1] for row in table_rows(PAGE, "setting")}


def test_the_kinds_have_the_floors_and_slices_that_are_said() -> None:
    said = {row[0]: (row[2] == "yes", int(row[3])) for row in table_rows(PAGE, "kind")}
    assert said == {kind.value: (rules.floor, rules.slices) for kind, rules in RULES.items()}


def test_every_route_is_shown() -> None:
    said = " ".join(row[0] for row in table_rows(PAGE, "request"))
    verbs = {name.rpartition("/")[2] if name.startswith("POST /v1/accounts/") else name for name in service.routes}
    words = {word.partition("?")[0].removeprefix("/") for word in quoted(said)}
    assert verbs - {"GET /v1/health"} == {word for word in words if word and not word.startswith("{")}


def test_every_setting_is_shown() -> None:
    assert set(SETTINGS) == set(UpdateAccount.model_fields)
    assert set(SETTINGS) <= set(CreateAccount.model_fields)


@pytest.mark.parametrize("kind", list(AccountKind))
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_kinds_have_the_settings_that_are_said(kind: AccountKind, setting: str) -> None:
    ledger = SmallLedger()
    values = {"metadata": {"a": "b"}, "overdraft_limit": 5, "slices": 1, "fee": None, "negative_limit": None}
    account = ledger.open(OPERATOR, kind)
    answer = ledger.patch(OPERATOR, f"/v1/accounts/{account}", {setting: values[setting]})
    said = SETTINGS[setting] == "all" or kind.value in SETTINGS[setting].split(", ")
    assert answer.status == (200 if said else 422), answer


def test_the_numbers_are_those_of_the_code() -> None:
    words = {8: "eight", 10: "ten", 12: "twelve"}
    assert f"at most {words[MOST_MANDATES]}" in " ".join(PAGE.split())
    assert f"1 to {MOST_SLICES} |" in PAGE
