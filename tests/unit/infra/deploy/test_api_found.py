"""Reading back: every page of every list, and nothing that API Gateway adds by itself."""

from typing import Any

import pytest

from infra.deploy.api_found import by_name, find_api, pages, read_found
from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from tests.doubles.deploy_ground import API, Ground


def listed(rows: int, size: int) -> Any:
    """A list in pages of a size, as API Gateway gives it."""

    def operation(limit: int, position: str = "0", **_asked: Any) -> Any:
        start, end = int(position), int(position) + size
        items = [{"id": str(number), "name": f"n{number}"} for number in range(start, min(end, rows))]
        return {"items": items, **({"position": str(end)} if end < rows else {})}

    return operation


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7])
def test_every_page_is_read(rows: int) -> None:
    assert [row["id"] for row in pages(listed(rows, 2))] == [str(number) for number in range(rows)]


def test_a_list_without_an_end_is_given_up() -> None:
    with pytest.raises(DeployFault, match="more than 1000 pages"):
        list(pages(lambda **_asked: {"items": [], "position": "again"}))


def test_an_api_is_found_on_the_last_page() -> None:
    gateway = type("Gateway", (), {"get_rest_apis": staticmethod(listed(7, 2))})
    assert find_api(gateway, "n6") == "6"
    assert find_api(gateway, "n7") is None


def test_a_second_row_of_a_name_is_not_taken_for_the_first() -> None:
    rows = [{"id": "1", "name": "all"}, {"id": "2", "name": "all"}]
    assert {name: row["id"] for name, row in by_name(iter(rows)).items()} == {"all": "1", "all (2)": "2"}


def test_lists_of_one_row_a_page_are_read_as_a_whole(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list of a deployed API, usage plan and function, in the smallest pages there are."""
    ground.functions()
    ground.tables()
    take(ground.steps())
    monkeypatch.setattr("infra.deploy.api_found.PAGE", 1)
    monkeypatch.setattr("emulator.control.functions.roster.PAGE", 1)
    monkeypatch.setattr("emulator.control.functions.rules.PAGE", 1)
    assert [line for step in ground.steps() for line in step.differences()] == []


class OneAuthorizer:
    """API Gateway with an API that has an authorizer, whose keys it has found."""

    def __init__(self, keys: str) -> None:
        self.keys = keys

    def get_rest_api(self, **_asked: Any) -> Any:
        return {"id": "a", "name": API}

    def get_authorizers(self, **_asked: Any) -> Any:
        issuer = {"issuer": "https://host.test/mine", "audiences": ["a"], "additionalClaims": [], "jwksUri": self.keys}
        trusted = {"issuers": [issuer], "defaultAlgorithms": ["ES256"]}
        row = {"id": "x", "name": "jwt", "type": "JWT", "authType": "custom", "jwtConfiguration": trusted}
        return {"items": [{**row, "identitySource": "i", "providerARNs": [], "authorizerResultTtlInSeconds": 300}]}

    def __getattr__(self, name: str) -> Any:
        assert name.startswith("get_")
        return lambda **_asked: {"items": []}


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("https://host.test/mine/.well-known/jwks.json", {}),
        ("https://host.test/other/jwks.json", {"jwksUri": "https://host.test/other/jwks.json"}),
        ("https://host.test/mine.other/jwks.json", {"jwksUri": "https://host.test/mine.other/jwks.json"}),
    ],
)
def test_keys_from_elsewhere_than_the_issuer_are_shown(keys: str, shown: dict[str, str]) -> None:
    found = read_found(OneAuthorizer(keys), "a").definition
    assert found.authorizers["jwt"] == {
        "type": "JWT",
        "identitySource": "i",
        "jwtConfiguration": {
            "issuers": [{"issuer": "https://host.test/mine", "audiences": ["a"], **shown}],
            "defaultAlgorithms": ["ES256"],
        },
    }
    assert found.settings["disableExecuteApiEndpoint"] is False
