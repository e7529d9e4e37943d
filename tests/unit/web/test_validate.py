"""Bodies against their models: no coercion, nothing ignored, every refusal names its field."""

from typing import Any

import pytest
from pydantic import Field

from chalicelib.kernel.problems import Problem
from chalicelib.web.request import Request
from chalicelib.web.validate import (
    AccountId,
    Amount,
    Body,
    CurrencyCode,
    FreeText,
    Metadata,
    SmallMetadata,
    require_json,
    validate,
)


class Sample(Body):
    """One field of every type."""

    amount: Amount = 1
    currency: CurrencyCode = "USD"
    account: AccountId = "acct_00000000000000000000000000w0"
    text: FreeText | None = None
    metadata: Metadata = Field(default_factory=dict)
    small: SmallMetadata = Field(default_factory=dict)


CARD = "4111111111111111"

GOOD: list[dict[str, Any]] = [
    {},
    {"amount": 1},
    {"amount": 10**15},
    {"currency": "JPY"},
    {"text": "x" * 500},
    {"text": None},
    {"metadata": {"k" * 40: "v" * 500}},
    {"metadata": {f"k{number}": "" for number in range(50)}},
    {"small": {"k" * 12: "v" * 500}},
]

BAD: list[tuple[str, Any]] = [
    ("amount", 0),
    ("amount", -1),
    ("amount", 10**15 + 1),
    ("amount", 10**400),
    ("amount", 1.0),
    ("amount", 1e2),
    ("amount", -0.0),
    ("amount", "1"),
    ("amount", True),
    ("amount", None),
    ("amount", []),
    ("amount", {}),
    ("currency", "usd"),
    ("currency", "XAU"),
    ("currency", "XXX"),
    ("currency", ""),
    ("currency", 840),
    ("account", "acct_1"),
    ("account", "acct_00000000000000000000000000q0"),
    ("account", "pay_000000000000000000000000000"),
    ("account", None),
    ("text", ""),
    ("text", "x" * 501),
    ("text", CARD),
    ("text", f"paid with {CARD}."),
    ("metadata", {f"k{number}": "" for number in range(51)}),
    ("metadata", {"k": "v" * 501}),
    ("metadata", {"k" * 41: "v"}),
    ("metadata", {"": "v"}),
    ("metadata", {"k": 1}),
    ("metadata", {"k": None}),
    ("metadata", {"k": {}}),
    ("metadata", []),
    ("metadata", {"k": CARD}),
    ("metadata", {CARD: "v"}),
    ("small", {"k" * 13: "v" * 500}),
    ("small", {"k": "\N{EURO SIGN}" * 171}),  # bytes count, not characters
    ("small", {"k": CARD}),
    ("extra", 1),
    ("Amount", 1),
    ("__proto__", {}),
]


@pytest.mark.parametrize("value", GOOD, ids=lambda value: repr(value)[:40])
def test_accepted(value: dict[str, Any]) -> None:
    assert validate(Sample, value).model_dump().items() >= value.items()


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda value: repr(value)[:40])
def test_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(Problem) as caught:
        validate(Sample, {name: value})
    problem = caught.value
    assert problem.kind.code == "invalid_request"
    assert problem.param is not None
    assert problem.param.split(".")[0] == name
    assert problem.errors[0]["param"] == problem.param


@pytest.mark.parametrize("value", [{"text": CARD}, {"metadata": {"k": CARD}}, {"metadata": {CARD: "v"}}])
def test_a_card_number_is_not_repeated(value: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        validate(Sample, value)
    assert CARD not in repr((caught.value.detail, caught.value.param, caught.value.errors))


def test_every_field_has_its_row() -> None:
    with pytest.raises(Problem) as caught:
        validate(Sample, {"amount": 0, "currency": "?", "extra": 1})
    assert {row["param"] for row in caught.value.errors} == {"amount", "currency", "extra"}


def _request(**headers: str) -> Request:
    sent = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return Request("r", "POST", "/", "/", {}, {}, sent, b"", None, None)


@pytest.mark.parametrize(
    "sent", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", " application/json ;x=y"]
)
def test_json_is_taken(sent: str) -> None:
    require_json(_request(content_type=sent))
    require_json(_request())


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ";"])
def test_other_media_types_are_refused(sent: str) -> None:
    with pytest.raises(Problem) as caught:
        require_json(_request(content_type=sent))
    assert caught.value.kind.status == 415
