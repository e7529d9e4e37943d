"""Voiding a transfer: a hold goes back, a scheduled one is called off, what has happened stays."""

import pytest

from chalicelib.transfers.due import happen
from chalicelib.web.internal import Sweeper
from tests.doubles.audit import audit
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, FUNDS_MINOR, OPERATOR, SmallLedger


@pytest.mark.parametrize("status", ["open", "frozen", "closed"])
def test_a_hold_goes_back_whatever_became_of_the_account(status: str) -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700)
    ledger.change(ledger.alice, s=status)
    answer = ledger.turn(transfer, "void")
    assert (answer.status, answer.json["status"], answer.json["version"]) == (200, "voided", 2)
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 0, "available": FUNDS_MINOR}
    assert ledger.balance(ledger.bob)["posted"] == 0
    audit(ledger.store.inner.items)


def test_a_scheduled_transfer_is_called_off_and_never_happens() -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer(scheduled_for="2026-12-01"))
    answer = ledger.turn(transfer, "void")
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert answer.json["scheduled_for"] == "2026-12-01T00:00:00.000Z"
    ledger.clock.move(30 * 86_400)
    assert Sweeper("transfer", happen, lambda: ledger.platform.bench)({}, Context())["failed"] == 0
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json == answer.json
    assert ledger.balance(ledger.bob)["posted"] == 0


def test_a_scheduled_one_that_is_due_can_be_called_off_until_it_is_executed() -> None:
    ledger = SmallLedger()
    transfer = ledger.made(ledger.transfer(scheduled_for="2026-12-01"))
    ledger.clock.move(30 * 86_400)
    assert ledger.turn(transfer, "void", OPERATOR).status == 200


def test_what_was_posted_at_once_cannot_be_voided() -> None:
    ledger = SmallLedger()
    refused = ledger.turn(ledger.made(ledger.transfer()), "void")
    assert (refused.status, refused.json["code"]) == (409, "state_conflict")


def test_it_takes_no_amount() -> None:
    ledger = SmallLedger()
    assert ledger.turn(ledger.hold(), "void", amount=1).json["code"] == "invalid_request"
