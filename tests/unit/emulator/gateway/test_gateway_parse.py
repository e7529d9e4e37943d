"""Reject, do not repair: what could be read in two ways is read in none.

Sources: API Gateway developer guide: api-gateway-execution-service-limits-table (sizes); RFC 9112; F28 of the failure modes.
"""

from __future__ import annotations

import asyncio

import pytest

from emulator.gateway.context import Request
from tests.doubles.gateway import Rig, header, message


@pytest.mark.parametrize(
    "path",
    [
        "/things/a%2Fb",
        "/things/a%2fb",
        "/things/a%5Cb",
        "/things/a\\b",
        "//open",
        "/open//",
        "/./open",
        "/things/../open",
        "/things/..",
        "/things/.",
        "/things/%2e%2E/open",
        "/things/%2e",
        "/things/a%00b",
        "/things/%",
        "/things/%zz",
        "/things/%ff",
        "/things/a b",
        "/open#x",
        "open",
        "*",
        "",
        "http://other/open",
        "/things/a\x00",
        "/things/\xe9",
        "/things/a%0d%0aX",
        "/things/%7f",
    ],
)
def test_an_ambiguous_path_is_400(rig: Rig, path: str) -> None:
    reply = rig.ask("DELETE", path)
    assert (reply.status, message(reply)) == (400, "Bad Request")


@pytest.mark.parametrize("query", ["a=%", "a=%zz", "a=%ff", "a=%00", "a=%0a", "a=1#b", "a=b c"])
def test_an_ambiguous_query_is_400(rig: Rig, query: str) -> None:
    assert rig.ask("GET", f"/open?{query}").status == 400


def raw(rig: Rig, *headers: tuple[bytes, bytes], **changes: object) -> int:
    request = Request("GET", "/open", b"", [(b"Host", b"a"), *headers], b"", "127.0.0.1")
    for name, value in changes.items():
        setattr(request, name, value)
    return asyncio.run(rig.gateway.handle(request)).status


@pytest.mark.parametrize(
    "name", [b"Host", b"host", b"Content-Length", b"Authorization", b"X-Api-Key", b"Idempotency-Key", b"Content-Type"]
)
def test_a_second_copy_of_a_header_that_decides_is_400(rig: Rig, name: bytes) -> None:
    assert raw(rig, (name, b"1"), (name.upper(), b"1")) == 400


@pytest.mark.parametrize("name", [b"X_Api_Key", b"authorization_", b"content_length", b"x_forwarded_for", b"If_Match"])
def test_an_underscore_alias_is_400(rig: Rig, name: bytes) -> None:
    assert raw(rig, (name, b"1")) == (400 if name != b"authorization_" else 200)


def test_other_headers_may_come_twice(rig: Rig) -> None:
    assert raw(rig, (b"X-A", b"1"), (b"x-a", b"2")) == 200
    event = rig.functions.events[-1]
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]


@pytest.mark.parametrize("protocol", ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2"])
def test_other_versions_are_400(rig: Rig, protocol: str) -> None:
    assert raw(rig, protocol=protocol) == 400


def test_a_host_is_required(rig: Rig) -> None:
    assert raw(rig, raw_headers=[]) == 400
    assert raw(rig, raw_headers=[], protocol="HTTP/1.0") == 200


def test_the_limits_are_413(rig: Rig) -> None:
    # the request line has 12 characters besides method and target, a header line 4 besides name and value
    room = 10_240 - len("GET/open") - 12 - len("Hosta") - 4 - len("A") - 4
    assert raw(rig, (b"A", b"x" * room)) == 200
    assert raw(rig, (b"A", b"x" * (room + 1))) == 413
    assert raw(rig, raw_path="/open", raw_query=b"a=" + b"x" * 8_185) == 200
    assert raw(rig, raw_path="/open", raw_query=b"a=" + b"x" * 8_186) == 413
    assert raw(rig, too_large="head") == 413
    assert raw(rig, too_large="body") == 413
    assert raw(rig, body=b"x" * 10_485_761) == 413


def test_a_body_over_ten_megabytes_says_what_aws_says(rig: Rig) -> None:
    reply = rig.ask("POST", "/open", body=b"x" * 10_485_761)
    assert (reply.status, message(reply)) == (413, "HTTP content length exceeded 10485760 bytes.")
    assert header(reply, "x-amzn-ErrorType") == "RequestTooLongException"


def test_an_event_over_six_megabytes_never_reaches_lambda(rig: Rig) -> None:
    reply = rig.ask("POST", "/open", body=b"x" * 6_291_456)
    assert (reply.status, message(reply), rig.functions.events) == (413, "Request Too Long", [])


def test_the_client_may_bring_its_trace(rig: Rig) -> None:
    """Source: X-Ray developer guide, "Tracing header"."""
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    reply = rig.ask("GET", "/open", headers={"X-Amzn-Trace-Id": f"{root};Parent=53995c3f42cd8ad8;Sampled=1"})
    assert header(reply, "X-Amzn-Trace-Id") == f"{root};Parent=53995c3f42cd8ad8;Sampled=1"
    reply = rig.ask("GET", "/open", headers={"X-Amzn-Trace-Id": f"Self=1-a;{root};Sampled=?;Evil=1"})
    assert header(reply, "X-Amzn-Trace-Id") == root
    reply = rig.ask("GET", "/open", headers={"X-Amzn-Trace-Id": "Root=evil"})
    assert (header(reply, "X-Amzn-Trace-Id") or "").startswith("Root=1-")


def test_a_head_over_the_limit_is_refused_before_it_is_taken_apart(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, one such request cost the gateway a second when each repeated name was searched for."""
    taken_apart: list[object] = []
    monkeypatch.setattr("emulator.gateway.parse._headers", taken_apart.append)
    names = [(b"%x" % number, b"") for number in range(4_500)]
    assert raw(rig, *names, *[names[-1]] * 4_500) == 413
    assert not taken_apart
