"""Posting a held transfer: what moves, what is given back, who may, and until when."""

from typing import Any

import pytest

from chalicelib.kernel.clock import DAY_SECONDS
from tests.doubles.audit import audit
from tests.doubles.platform import Client
from tests.doubles.small_ledger import (
    ALICE,
    BOB,
    ELSEWHERE,
    FUNDS_MINOR,
    OPERATOR,
    SHOP,
    SmallLedger,
    without_external,
)


@pytest.mark.parametrize(("amount", "posted"), [(None, 700), (700, 700), (200, 200), (1, 1)])
def test_what_moves_and_what_is_given_back(amount: int | None, posted: int) -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700)
    assert ledger.balance(ledger.alice) == {"posted": FUNDS_MINOR, "held": 700, "available": FUNDS_MINOR - 700}
    assert ledger.balance(ledger.bob)["posted"] == 0
    body: dict[str, Any] = {} if amount is None else {"amount": amount}
    answer = ledger.turn(transfer, "post", **body)
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["status"], answer.json["amount"], answer.json["amount_posted"]) == ("posted", 700, posted)
    assert ledger.get(ALICE, f"/v1/transfers/{transfer}").json == answer.json
    left = FUNDS_MINOR - posted
    assert ledger.balance(ledger.alice) == {"posted": left, "held": 0, "available": left}
    assert ledger.balance(ledger.bob)["available"] == posted
    audit(ledger.store.inner.items)


def test_more_than_is_held() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700)
    before = ledger.snapshot()
    refused = ledger.turn(transfer, "post", amount=701)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (422, "post_too_large", "amount")
    assert ledger.snapshot() == before


def test_a_hold_resolves_once() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold(amount=700)
    assert ledger.turn(transfer, "post", amount=200).status == 200
    for verb in ("post", "void"):
        refused = ledger.turn(transfer, verb)
        assert (refused.status, refused.json["code"]) == (409, "state_conflict")
    audit(ledger.store.inner.items)


def test_not_at_or_after_its_time_though_nobody_has_swept_yet() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold()
    ledger.clock.move(7 * DAY_SECONDS)
    before = ledger.snapshot()
    for verb in ("post", "void"):
        assert ledger.turn(transfer, verb).json["code"] == "state_conflict"
    assert ledger.snapshot() == before
    ledger.clock.move(-0.001)
    assert ledger.turn(transfer, "post").status == 200


@pytest.mark.parametrize(
    ("client", "status"),
    [(ALICE, 200), (OPERATOR, 200), (BOB, 403), (SHOP, 404), (ELSEWHERE, 404)],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
@pytest.mark.parametrize("verb", ["post", "void"])
def test_its_maker_or_an_operator(client: Client, status: int, verb: str) -> None:
    ledger = SmallLedger()
    transfer = ledger.hold()
    before = ledger.snapshot()
    assert ledger.turn(transfer, verb, client).status == status
    assert (ledger.snapshot() == before) is (status != 200)


@pytest.mark.parametrize(
    ("account", "changes", "status", "code"),
    [
        ("alice", {"s": "frozen"}, 200, None),
        ("alice", {"o": "prn_nobody"}, 200, None),
        ("bob", {"s": "frozen"}, 200, None),
        ("bob", {"s": "closed"}, 422, "account_closed"),
    ],
    ids=repr,
)
def test_a_promise_is_kept(account: str, changes: dict[str, Any], status: int, code: str | None) -> None:
    ledger = SmallLedger()
    transfer = ledger.hold()
    ledger.change(getattr(ledger, account), **changes)
    answer = ledger.turn(transfer, "post")
    assert (answer.status, answer.json.get("code")) == (status, code)


def test_money_leaves_only_with_the_scope_for_it() -> None:
    ledger = SmallLedger()
    wallet = ledger.open(OPERATOR, "wallet")
    ledger.fund(wallet, 100)
    transfer = ledger.made(ledger.transfer(OPERATOR, source=wallet, destination=ledger.external, mode="hold"))
    before = ledger.snapshot()
    assert ledger.turn(transfer, "post", without_external(OPERATOR)).status == 403
    assert ledger.snapshot() == before
    assert ledger.turn(transfer, "void", without_external(OPERATOR)).status == 200


@pytest.mark.parametrize("body", [{"amount": 0}, {"amount": 1.5}, {"final": True}], ids=repr)
def test_a_bad_body(body: dict[str, Any]) -> None:
    ledger = SmallLedger()
    assert ledger.turn(ledger.hold(), "post", **body).json["code"] == "invalid_request"
