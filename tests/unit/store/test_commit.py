"""The commit record: what it holds, what it does not hold, and that it reads back."""

import pytest

from chalicelib.ledger.entry import Leg
from chalicelib.ledger.movements import Place, move, post
from chalicelib.store.codec import decode_item, encode_item
from chalicelib.store.commit import Answer, Author, Commit, Effect, Event, Record, Stale, read_legs, read_record
from chalicelib.store.port import Absent, Item, Key, Put, Update, Value
from tests.doubles.small_ledger import SmallLedger
from tests.doubles.verbs import VERBS, Verb, name_of

AUTHOR = Author("demo.live", "prn_alice", "cl_alice")
ENTRY = post(Place("payer"), Place("payee", 3), 7, "USD", released_minor=2)
EFFECT = Effect(Update(Key("ledger", "p", "s"), add={"p": 1}), lambda _: Stale())
COMMIT = Commit(
    author=AUTHOR,
    key="c/k1",
    fingerprint=b"\x01" * 32,
    operation="payments.capture",
    at=1_795_424_400_000,
    answer=Answer(200, b'{"id":"pay_1","amount":7}', 2),
    events=(Event("payment.captured", "pay_1", 2),),
    effects=(EFFECT,),
    entry=ENTRY,
)


def _record() -> Item:
    put = COMMIT.writes()[0]
    assert isinstance(put, Put)
    return decode_item(encode_item(put.attributes))


def test_the_record_comes_first_and_must_be_new() -> None:
    record, *others = COMMIT.writes()
    assert record.key == COMMIT.record_key
    assert record.when == (Absent(),)
    assert others == [EFFECT.write]


def test_the_record_reads_back() -> None:
    assert read_record(_record()) == Record(COMMIT.fingerprint, COMMIT.answer)
    assert read_legs(_record()) == ENTRY.legs


@pytest.mark.parametrize("legs", [(), move(Place("a"), Place("b", 1), 10**15, "JPY").legs], ids=["none", "two"])
def test_legs_read_back(legs: tuple[Leg, ...]) -> None:
    rows: list[Value] = [
        {"a": leg.account, "n": leg.slice_number, "c": leg.currency, "p": leg.posted_minor} for leg in legs
    ]
    assert read_legs({"l": rows}) == legs


def test_zeros_are_left_out() -> None:
    assert _record()["l"] == [
        {"a": "payer", "c": "USD", "p": -7, "h": -9},
        {"a": "payee", "c": "USD", "n": 3, "p": 7},
    ]


def test_who_when_and_what_happened() -> None:
    record = _record()
    assert (record["cl"], record["pn"], record["t"], record["op"]) == (
        "cl_alice",
        "prn_alice",
        COMMIT.at,
        "payments.capture",
    )
    assert record["ev"] == [{"k": "payment.captured", "o": "pay_1", "v": 2}]
    assert record["sc"] == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\x00" * 100, b"a" * 10_000])
def test_any_answer_comes_back_byte_for_byte(body: bytes) -> None:
    answer = Answer(402, body, 1)
    put = Commit(AUTHOR, "c/k", b"f", "op", 1, answer, (), ()).writes()[0]
    assert isinstance(put, Put)
    assert read_record(put.attributes).answer == answer


@pytest.mark.parametrize("verb", VERBS, ids=name_of)
def test_no_verb_records_a_balance_or_a_sequence(verb: Verb) -> None:
    """After a blind update nobody knows them: TransactWriteItems returns no items."""
    ledger = SmallLedger()
    sending = verb.arrange(ledger)
    known = {id(record) for record in ledger.records()}
    answer = sending.send(ledger)
    (record,) = (record for record in ledger.records() if id(record) not in known)
    assert record.keys() - {"pk", "sk"} == {"f", "op", "cl", "pn", "t", "st", "b", "e", "l", "ev", "sc", "x"}
    assert all(row.keys() <= {"a", "n", "c", "p", "h"} for row in record["l"])  # type: ignore[union-attr]
    assert record["op"] == verb.name.partition(" ")[0]
    assert "balance" not in answer.json
