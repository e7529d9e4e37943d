"""Idempotency-Key, If-Match, and what makes two requests the same."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.kernel.problems import Problem
from chalicelib.web.preconditions import fingerprint, idempotency_key, if_match
from chalicelib.web.request import Request

REQUEST = Request("r", "POST", "/v1/payments", "/v1/payments", {}, {}, {}, b"", None, None)


def _with(name: str, *values: str) -> Request:
    return replace(REQUEST, headers={name: values})


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("k", "k"),
        ('"k"', "k"),
        ("k" * 255, "k" * 255),
        (f'"{"k" * 255}"', "k" * 255),
        ("with space", "with space"),
        ("~!@#$%^&*()/", "~!@#$%^&*()/"),
        ('"', '"'),
        ('"half', '"half'),
        ('""k""', '"k"'),
        ("s/expire/pay_1", "s/expire/pay_1"),
    ],
)
def test_a_key(sent: str, key: str) -> None:
    assert idempotency_key(_with("idempotency-key", sent)) == key


@pytest.mark.parametrize("sent", ["", '""', "k" * 256, "ключ", "a\tb", "a\nb", "a\x7f", "caf\xe9", "\u200b"])
def test_an_unusable_key(sent: str) -> None:
    with pytest.raises(Problem) as caught:
        idempotency_key(_with("idempotency-key", sent))
    assert (caught.value.kind.code, caught.value.param) == ("idempotency_key_invalid", "Idempotency-Key")


def test_two_keys_are_none() -> None:
    with pytest.raises(Problem) as caught:
        idempotency_key(_with("idempotency-key", "a", "a"))
    assert caught.value.kind.code == "idempotency_key_invalid"


def test_a_missing_key() -> None:
    with pytest.raises(Problem) as caught:
        idempotency_key(REQUEST)
    assert caught.value.kind.code == "idempotency_key_missing"


@pytest.mark.parametrize(
    ("sent", "version"), [('"1"', 1), ('"42"', 42), (' "7" ', 7), ('"' + "9" * 16 + '"', 10**16 - 1)]
)
def test_a_version(sent: str, version: int) -> None:
    assert if_match(_with("if-match", sent)) == version


def test_no_version_is_asked_for() -> None:
    assert if_match(REQUEST) is None


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "1",
        "*",
        '""',
        '"00"',
        '"01"',
        '"-1"',
        '"1.0"',
        'W/"1"',
        '"1", "2"',
        '"1',
        "'1'",
        '"٣"',
        '"' + "9" * 17 + '"',
        '"a"',
    ],
)
def test_a_malformed_version(sent: str) -> None:
    with pytest.raises(Problem) as caught:
        if_match(_with("if-match", sent))
    assert (caught.value.kind.status, caught.value.param) == (400, "If-Match")


def test_two_versions_are_malformed() -> None:
    with pytest.raises(Problem):
        if_match(_with("if-match", '"1"', '"1"'))


BODY: Mapping[str, Any] = {"amount": 1, "metadata": {"a": "b", "c": "d"}}
FIRST = fingerprint(REQUEST, "prn_alice", BODY)


def test_an_encoded_path_is_no_difference() -> None:
    """Dispatch reads the decoded parameter; so does what makes two requests the same."""
    assert fingerprint(replace(REQUEST, path="/v1/p%61yments"), "prn_alice", BODY) == FIRST


def test_the_order_of_names_is_no_difference() -> None:
    assert fingerprint(REQUEST, "prn_alice", {"metadata": {"c": "d", "a": "b"}, "amount": 1}) == FIRST


def test_neither_version_nor_token_nor_request_id_is_a_difference() -> None:
    other = replace(REQUEST, request_id="s", headers={"if-match": ('"1"',)}, claims={"jti": "x"}, api_key_id="y")
    assert fingerprint(other, "prn_alice", BODY) == FIRST


@pytest.mark.parametrize(
    "other",
    [
        fingerprint(REQUEST, "prn_bob", BODY),
        fingerprint(replace(REQUEST, resource="/v1/transfers"), "prn_alice", BODY),
        fingerprint(replace(REQUEST, path_parameters={"id": "pay_1"}), "prn_alice", BODY),
        fingerprint(replace(REQUEST, method="PUT"), "prn_alice", BODY),
        fingerprint(REQUEST, "prn_alice", {**BODY, "amount": 2}),
        fingerprint(REQUEST, "prn_alice", {**BODY, "amount": "1"}),
        fingerprint(REQUEST, "prn_alice", {**BODY, "extra": None}),
    ],
)
def test_a_difference(other: bytes) -> None:
    assert other != FIRST


def test_parts_do_not_run_into_each_other() -> None:
    one = replace(REQUEST, method="POST", resource="/a")
    other = replace(REQUEST, method="POST\n/a", resource="")
    assert fingerprint(one, "p", {}) != fingerprint(other, "p", {})


def test_a_key_that_is_a_card_number() -> None:
    with pytest.raises(Problem) as caught:
        idempotency_key(_with("idempotency-key", "order 4111 1111 1111 1111"))
    assert caught.value.kind.code == "idempotency_key_invalid"
    assert "4111" not in caught.value.detail
