"""The number of an item's shape: a missing one is 1, an older one is read, a newer one is refused and nothing is done."""

import logging

import pytest

from chalicelib.store.keys import balance_key, client_key, clock_key, commit_key, state_key
from chalicelib.store.port import Key, NotAbove, Value
from chalicelib.store.schema import Schema, UnknownSchema
from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, TENANT, SmallLedger

LEARNED = Schema("payment", written=2, read=3)
NEWER = 9


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_a_release_has_learned_it_reads(number: int) -> None:
    assert LEARNED.of({"sc": number}) == LEARNED.like({"sc": number}) == number
    assert LEARNED.knows(number)


@pytest.mark.parametrize("number", [4, 0, -1, True, "1", None])
def test_what_it_has_not_learned_it_refuses_by_name(number: Value) -> None:
    assert not LEARNED.knows(number)
    assert LEARNED.like({"sc": number}) == 2, "it is compared with what should be there"
    with pytest.raises(UnknownSchema, match=r"the payment demo.live#payment#1 pay_1 has schema .*, .* reads 1 to 3"):
        LEARNED.require({"pk": "demo.live#payment#1", "sk": "pay_1", "sc": number})


def test_an_item_without_a_number_is_of_the_first_shape() -> None:
    assert LEARNED.of({}) == LEARNED.like({}) == 1
    assert LEARNED.like(None) == 2


def test_a_blind_write_is_conditional_on_what_is_read() -> None:
    assert LEARNED.readable == NotAbove("sc", 3)


@pytest.mark.parametrize(("written", "read"), [(2, 1), (1, 3)])
def test_readers_are_one_release_ahead_at_the_most(written: int, read: int) -> None:
    with pytest.raises(AssertionError, match="payment"):
        Schema("payment", written=written, read=read)


def _renumber(ledger: SmallLedger, key: Key) -> None:
    item = ledger.store.inner.items[key]
    ledger.store.inner.seed(key, {**item, "sc": NEWER})


@pytest.mark.parametrize("kind", ["commit", "account", "balance", "payment", "client"])
def test_money_is_never_moved_by_what_cannot_be_read(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize()
    ledger.pay(key="used")
    _renumber(
        ledger,
        {
            "commit": commit_key(TENANT, f"c/{ALICE.principal}/used"),
            "account": state_key(TENANT, "account", ledger.alice),
            "balance": balance_key(TENANT, ledger.alice, 0),
            "payment": state_key(TENANT, "payment", payment),
            "client": client_key(ALICE.client_id),
        }[kind],
    )
    ledger.clock.move(6)  # a client's status is remembered for five seconds
    before = ledger.snapshot()
    with caplog.at_level(logging.ERROR):
        answers = {
            "commit": lambda: [ledger.pay(key="used"), ledger.pay(key="used", amount=1)],
            "account": lambda: [ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/close")],
            "balance": lambda: [ledger.pay(), ledger.step(payment, "capture"), ledger.step(payment, "cancel")],
            "payment": lambda: [ledger.step(payment, "capture"), ledger.refund(payment)],
            "client": lambda: [ledger.pay(), ledger.get(ALICE, f"/v1/payments/{payment}")],
        }[kind]()
    assert {answer.status for answer in answers} == {500}
    assert ledger.snapshot() == before
    assert f"has schema {NEWER}, this release reads 1 to 1" in caplog.text


def test_a_clock_that_cannot_be_read_stops_its_sandbox_only() -> None:
    ledger = SmallLedger()
    assert ledger.post(ELSEWHERE, "/v1/test_clock", {"advance_seconds": 60}).status == 200
    _renumber(ledger, clock_key(ELSEWHERE.tenant))
    assert ledger.get(ELSEWHERE, "/v1/accounts").status == 500
    assert ledger.get(OPERATOR, "/v1/accounts").status == 200
