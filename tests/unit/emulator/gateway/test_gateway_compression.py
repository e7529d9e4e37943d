"""Compressed requests and answers: API Gateway developer guide, "Payload compression for REST APIs"."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from emulator.gateway.parse import BODY_LIMIT
from tests.doubles.gateway import Rig, header, message, read_deployment, signed

TEXT = b'{"name":"' + b"a" * 2_000 + b'"}'
PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}


def post(rig: Rig, body: bytes, **headers: str) -> dict[str, object]:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return rig.event("POST", "/open", body=body, headers=signed(**more))


@pytest.mark.parametrize("coding", PACKED)
def test_the_function_gets_the_body_as_it_was_meant(rig: Rig, coding: str) -> None:
    """API Gateway "attempts to decompress the payload with the specified content coding" before it passes it on."""
    event = post(rig, PACKED[coding](TEXT), Content_Encoding=coding)
    assert event["body"] == TEXT.decode()
    assert isinstance(event["headers"], dict)
    assert ("Content-Encoding" in event["headers"]) == (coding == "identity")


def test_a_model_looks_at_what_was_packed(rig: Rig) -> None:
    headers = signed(**{"Content-Encoding": "gzip", "Content-Type": "application/json"})
    good = rig.ask("POST", "/things", body=gzip.compress(b'{"name":"a"}'), headers=headers)
    bad = rig.ask("POST", "/things", body=gzip.compress(b'{"name":1}'), headers=headers)
    assert (good.status, bad.status) == (200, 400)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT)[:-1]),
        ("gzip", gzip.compress(TEXT) + b"more"),
        ("deflate", gzip.compress(TEXT)),
    ],
    ids=["unknown", "two codings", "not packed", "cut off", "more behind", "another coding"],
)
def test_what_cannot_be_unpacked_is_415(rig: Rig, coding: str, body: bytes) -> None:
    """An unsupported coding, or a payload that is not so compressed: 415 Unsupported Media Type."""
    reply = rig.ask("POST", "/open", body=body, headers={"Content-Encoding": coding})
    assert (reply.status, message(reply)) == (415, "Unsupported Media Type")
    assert not rig.functions.events


def test_a_bomb_is_413_and_not_unpacked_beyond_the_limit(rig: Rig) -> None:
    bomb = gzip.compress(bytes(20 * BODY_LIMIT))
    assert len(bomb) < BODY_LIMIT / 40
    reply = rig.ask("POST", "/open", body=bomb, headers={"Content-Encoding": "gzip"})
    assert reply.status == 413


def test_an_empty_body_is_not_packed(rig: Rig) -> None:
    assert rig.event("GET", "/open", headers={"Content-Encoding": "gzip"})["body"] is None


@pytest.fixture
def packing(tmp_path: Path) -> Rig:
    """A gateway whose definition packs answers of 1,000 bytes and more."""
    deployment = read_deployment()
    return Rig(tmp_path, replace(deployment, api=replace(deployment.api, minimum_compression=1_000)))


def answered(rig: Rig, size: int, accept: str | None, **headers: str) -> tuple[str | None, bytes]:
    rig.functions.handler = lambda _: {"statusCode": 200, "headers": headers, "body": "a" * size}
    reply = rig.ask("GET", "/open", headers={"Accept-Encoding": accept} if accept else None)
    return header(reply, "Content-Encoding"), reply.body


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=0.2, deflate;q=0.8", "deflate"),
        ("GZIP ; q=1.0", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("identity", None),
        ("*", None),
        ("", None),
        (None, None),
        ("gzip;q=x", None),
    ],
)
def test_an_answer_is_packed_as_the_client_asks(packing: Rig, accept: str | None, coding: str | None) -> None:
    """Only "the incoming request has the Accept-Encoding header with a supported content coding"; `*` does not count."""
    said, body = answered(packing, 1_000, accept)
    assert said == coding
    plain = gzip.decompress(body) if coding == "gzip" else zlib.decompress(body) if coding else body
    assert plain == b"a" * 1_000


def test_small_answers_packed_answers_and_refusals_stay_as_they_are(packing: Rig) -> None:
    assert answered(packing, 999, "gzip") == (None, b"a" * 999)
    assert answered(packing, 1_000, "gzip", **{"content-encoding": "br"}) == ("br", b"a" * 1_000)
    assert header(packing.ask("GET", "/nowhere", headers={"Accept-Encoding": "gzip"}), "Content-Encoding") is None


def test_without_a_minimum_nothing_is_packed(rig: Rig) -> None:
    assert answered(rig, 5_000, "gzip") == (None, b"a" * 5_000)


def test_the_log_says_the_length_that_went_out(tmp_path: Path) -> None:
    deployment = read_deployment()
    stage = replace(deployment.stage, access_log="$context.responseLength")
    rig = Rig(tmp_path, replace(deployment, api=replace(deployment.api, minimum_compression=0), stage=stage))
    _, body = answered(rig, 5_000, "gzip")
    rig.gateway.access_log.flush()
    assert orjson.loads(rig.log[0]) == len(body) < 100
