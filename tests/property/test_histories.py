"""Random histories against the model, with every fault a network knows: no money made or lost, no effect twice.

Requests are sent, left unknown, sent again with their keys, overtaken by others and by their own late writes; time is
moved on, and what is due happens by itself. What took effect is read from the commit records in the order they were
made; the model, playing the same requests in that order, must be able to do each of them and come to the same books:
the journal is an order that explains all. Meanwhile the store holds each transaction to the ledger's rules.
"""

import logging
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.store.commit import read_audit, read_record
from tests.property.books import DONE, Books
from tests.property.history import History, played
from tests.property.model import happen, overdue, play
from tests.property.wishes import Wish, wishes

HISTORIES = settings(
    max_examples=120,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking such a history takes minutes: the blob replays it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# What the network makes of a wish: it is sent alone, or another one is sent just before its commit; or, instead, an
# unknown one is sent again, or a late write arrives.
ways = st.sampled_from(["send", "send", "send", "send while", "send while", "again", "arrive"])


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """A line per request of a thousand histories would be kept in memory."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@HISTORIES
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 0.8]),
    st.sampled_from([0.0, 0.3, 0.8]),
    st.lists(st.tuples(ways, wishes, wishes), min_size=40, max_size=80),
)
def test_any_history_with_faults(seed: int, rate: float, late_rate: float, steps: list[tuple[str, Wish, Wish]]) -> None:
    history = History(seed, rate, late_rate)
    for step in steps:
        history.step(*step)
    history.settle()
    books = Books(looks_ahead=False)
    played(history, books, history.records())
    history.check(books)


@HISTORIES
@given(st.integers(0, 2**32), st.lists(wishes, min_size=40, max_size=80))
def test_without_faults_every_refusal_is_the_models_too(seed: int, steps: list[Wish]) -> None:
    history, books = History(seed), Books()
    played(history, books, history.records())
    for wish in steps:
        if wish.verb == "sweep":
            _play_sweep(history, books)
        else:
            _play_wish(history, books, wish)
        history.check_balances(books)
    _play_sweep(history, books)
    history.check(books)


def _play_wish(history: History, books: Books, wish: Wish) -> None:
    before, now_at = len(history.sent), history.now_at()
    history.wish(wish)
    for sent in list(history.sent.values())[before:]:
        (answer,), request = sent.answers, sent.request
        code = play(books, request.client.principal, request.path, request.body, answer.json, now_at)
        assert code == answer.json.get("code", DONE), sent


def _play_sweep(history: History, books: Books) -> None:
    """In what order the sweepers go about it is theirs; what each came to, and that all came to something, is not."""
    before, now_at = len(history.records()), history.now_at()
    history.sweep()
    for record in history.records()[before:]:
        answer = orjson.loads(read_record(record).answer.body)
        identifier, at = str(record["sk"]).split("/", 2)[2], read_audit(record).at
        assert at == now_at
        code = happen(books, identifier, at, declined=False)
        assert code == answer.get("decline_code", DONE), record
        if code:
            happen(books, identifier, at, declined=True)
    assert not overdue(books, now_at)
