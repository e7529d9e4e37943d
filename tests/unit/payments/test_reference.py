"""A payee's reference stands for one payment: the guard against paying an order twice under two keys."""

from threading import Barrier, Thread

import pytest

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.web.internal import Sweeper
from tests.doubles.platform import Context, Response
from tests.doubles.small_ledger import ALICE, BOB, FUNDS_MINOR, OPERATOR, SmallLedger


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_one_order_is_paid_once_whatever_the_keys(capture: str) -> None:
    ledger = SmallLedger()
    first = ledger.pay(reference="order-17", capture=capture)
    assert (first.status, first.json["reference"]) == (201, "order-17")
    before = ledger.snapshot()
    second = ledger.pay(reference="order-17", capture=capture)
    assert (second.status, second.json["code"], second.json["param"]) == (409, "reference_taken", "reference")
    assert first.json["id"] in second.json["detail"]
    assert ledger.snapshot() == before
    assert ledger.pay(reference="order-18").status == 201
    assert ledger.pay(reference="ORDER-17").status == 201


def test_a_repeated_request_is_answered_and_not_refused_by_its_own_reference() -> None:
    ledger = SmallLedger()
    first = ledger.pay(reference="order-17", key="k")
    again = ledger.pay(reference="order-17", key="k")
    assert (again.status, again.text, again.headers["Idempotent-Replayed"]) == (201, first.text, "true")


def test_another_payer_learns_only_that_it_is_taken() -> None:
    ledger = SmallLedger()
    first = ledger.pay(reference="order-17")
    ledger.fund(ledger.bob, 500)
    refused = ledger.pay(BOB, payer=ledger.bob, reference="order-17")
    assert refused.status == 409
    assert first.json["id"] not in refused.text


def test_a_reference_is_the_payees_own() -> None:
    ledger = SmallLedger()
    other = ledger.open(OPERATOR, "merchant")
    assert ledger.pay(reference="order-17").status == 201
    assert ledger.pay(reference="order-17", payee=other).status == 201


def test_a_decline_takes_no_reference() -> None:
    ledger = SmallLedger()
    assert ledger.pay(reference="order-17", amount=FUNDS_MINOR + 1).status == 402
    assert ledger.pay(reference="order-17").status == 201


def test_a_taken_reference_is_no_decline_even_without_funds() -> None:
    ledger = SmallLedger()
    assert ledger.pay(reference="order-17").status == 201
    refused = ledger.pay(reference="order-17", amount=FUNDS_MINOR + 1)
    assert (refused.status, refused.json["code"]) == (409, "reference_taken")


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_what_came_to_nothing_gives_its_reference_back(end: str) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize(reference="order-17")
    if end == "cancel":
        assert ledger.step(payment, "cancel").status == 200
    else:
        ledger.clock.move(7 * DAY_SECONDS)
        Sweeper("payment", expire, lambda: ledger.platform.bench)({}, Context())
    assert ledger.pay(reference="order-17").status == 201


def test_what_was_captured_in_part_keeps_it() -> None:
    ledger = SmallLedger()
    payment = ledger.authorize(reference="order-17")
    ledger.step(payment, "capture", amount=1)
    ledger.step(payment, "cancel")
    assert ledger.pay(reference="order-17").status == 409


def test_two_at_once() -> None:
    ledger = SmallLedger()
    start, answers = Barrier(8), list[Response]()

    def pay(number: int) -> None:
        start.wait()
        answers.append(ledger.pay(ALICE, reference="order-17", key=f"k{number}"))

    threads = [Thread(target=pay, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


@pytest.mark.parametrize("reference", ["", "a b", "x" * 65, "ä", "4111111111111111", 17, "a\n"])
def test_a_bad_reference(reference: object) -> None:
    assert SmallLedger().pay(reference=reference).status == 400
