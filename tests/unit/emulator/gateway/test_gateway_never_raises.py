"""J10 and A3: whatever is sent, an answer comes back, and never a 5xx of the gateway's own making."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.context import Request
from emulator.gateway.jws import InvalidToken, read_compact
from tests.doubles.gateway import Rig, claims, mint

GOOD = mint()
PIECES = st.sampled_from(["..", "%2e", "%2F", "\\", "{id}", "things", "open", "files", "é", "\x00", "%c3%a9", "+", "*"])
PATHS = st.lists(PIECES | st.text(max_size=6), max_size=5).map(lambda parts: "/" + "/".join(parts))
NAMES = st.sampled_from([b"Host", b"Authorization", b"x-api-key", b"Content-Type", b"Accept", b"X_Api_Key", b"X-A"])
VALUES = st.binary(max_size=20) | st.sampled_from([GOOD.encode(), b"Bearer " + GOOD.encode(), b"big-value"])


@given(st.text(max_size=60) | st.lists(st.text(max_size=8), min_size=3, max_size=3).map(".".join))
def test_any_text_is_a_token_or_is_refused(text: str) -> None:
    try:
        read_compact(text)
    except InvalidToken:
        return


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=255))
@settings(deadline=None)
def test_a_token_with_one_character_changed_is_401(at: int, char: str) -> None:
    token = GOOD[:at] + char + GOOD[at + 1 :]
    with TemporaryDirectory() as directory:
        rig = Rig(Path(directory))
        reply = rig.ask("GET", "/things/1", headers={"Authorization": f"Bearer {token}", "x-api-key": "free-value"})
    assert reply.status == (200 if token == GOOD else 401)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
    path=PATHS,
    query=st.binary(max_size=20),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    body=st.binary(max_size=30),
)
@settings(deadline=None)
def test_any_request_gets_an_answer(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    with TemporaryDirectory() as directory:
        rig = Rig(Path(directory))
        reply = asyncio.run(rig.gateway.handle(Request(method, path, query, headers, body, "127.0.0.1")))
    assert 200 <= reply.status < 500


def test_the_memory_of_verified_tokens_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.gateway.jwt_judge.REMEMBERED", 10)

    async def ask_many() -> None:
        for number in range(20):
            token = mint(claims(jti=str(number)))
            await rig.call("DELETE", "/things/1", headers={"Authorization": token, "x-api-key": "free-value"})

    asyncio.run(ask_many())
    authorizer = rig.gateway.steps[2]
    assert [len(judge.good) for judge in authorizer.judges.values()] == [10]  # type: ignore[attr-defined]
