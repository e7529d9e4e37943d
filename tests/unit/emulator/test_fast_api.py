"""Frames of the fast mode: however they are cut up on the way, and however large an answer says it is."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.lambdas import fast_api
from emulator.lambdas.config import MAXIMUM_PAYLOAD_BYTES
from emulator.lambdas.fast_api import FRAME, FastConnection

LIMIT = 100


class Heard:
    """An environment that writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def on_next(self, _connection: object) -> None:
        self.calls.append(("next",))

    def on_response(self, request_id: str, payload: bytes) -> None:
        self.calls.append(("response", request_id, payload))

    def on_too_large(self, request_id: str, size: int) -> None:
        self.calls.append(("too large", request_id, size))


def _frame(request_id: str, body: bytes) -> bytes:
    return FRAME.pack(len(body), len(request_id)) + request_id.encode() + body


def _told(request_id: str, body: bytes, limit: int) -> list[tuple[Any, ...]]:
    if len(body) > limit:
        return [("too large", request_id, len(body)), ("next",)]
    return [("response", request_id, body), ("next",)] if request_id else [("next",)]


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let answers of 101 bytes be too large."""
    monkeypatch.setattr(fast_api, "MAXIMUM_PAYLOAD_BYTES", LIMIT)


@given(
    answers=st.lists(st.tuples(st.sampled_from(["", "r-1", "r-2"]), st.binary(max_size=3 * LIMIT)), max_size=6),
    cuts=st.lists(st.integers(1, 2 * LIMIT), min_size=1, max_size=8),
)
def test_frames_are_the_same_however_they_arrive(answers: list[tuple[str, bytes]], cuts: list[int]) -> None:
    answers = [(name, body if name else b"") for name, body in answers]
    heard = Heard()
    connection = FastConnection(cast("Any", heard))
    sent = b"".join(_frame(*answer) for answer in answers)
    most, turn = 0, 0
    while sent:
        size = cuts[turn % len(cuts)]
        connection.data_received(sent[:size])
        sent, turn = sent[size:], turn + 1
        most = max(most, len(connection._received))
    assert heard.calls == [call for answer in answers for call in _told(*answer, LIMIT)]
    assert most <= FRAME.size + 3 + LIMIT, "no more than one whole answer is ever kept"


def test_the_limit_is_lambda_s() -> None:
    assert MAXIMUM_PAYLOAD_BYTES == 6_291_456
