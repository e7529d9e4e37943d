"""Each capability once over HTTPS: gateway, function, engine, streams and schedules, as they are deployed."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from infra.local.engines import ROOT
from infra.local.seed import TENANT
from tests.e2e.conftest import NewApi
from tests.e2e.local_stack import LocalStack, clean_environment, until
from tests.e2e.own_ledger import FOLLOWS_SECONDS, OwnLedger, refused

DAY = 86_400


@pytest.fixture
def ledger(new_client: NewApi) -> OwnLedger:
    """Give a ledger that no other test knows."""
    tenant = f"own-{uuid4().hex[:12]}.sandbox"
    return OwnLedger(new_client(role="operator", tenant=tenant), tenant).furnish()


def test_a_hold_ends_by_itself_when_its_time_is_over(ledger: OwnLedger) -> None:
    payer = ledger.wallet(100)
    payment = ledger.pay(payer, 80, capture="manual", reference="order-1").json
    path = f"/v1/payments/{payment['id']}"
    refused(ledger.pay(payer, 1, reference="order-1"), 409, "reference_taken")
    ledger.advance(7 * DAY)
    refused(ledger.api.post(f"{path}/capture"), 409, "state_conflict")
    ledger.becomes(path, {"status": "expired", "version": 2})
    assert ledger.api.available(payer) == 100
    assert ledger.pay(payer, 1, reference="order-1").status == 201, "the order may be paid anew"


def test_a_scheduled_transfer_is_executed_on_its_date(ledger: OwnLedger) -> None:
    rich, poor, target = ledger.wallet(100), ledger.wallet(), ledger.wallet()
    date = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    paths = [
        f"/v1/transfers/{ledger.made('/v1/transfers', **ledger.move(source, target, 60), scheduled_for=date)}"
        for source in (rich, poor)
    ]
    assert ledger.api.available(rich) == 100, "nothing moves before"
    ledger.advance(2 * DAY)
    ledger.becomes(paths[0], {"status": "posted", "amount_posted": 60})
    ledger.becomes(paths[1], {"status": "declined", "decline_code": "insufficient_funds"})
    assert (ledger.api.available(rich), ledger.api.available(target)) == (40, 60)


def test_a_statement_runs_with_its_balance(ledger: OwnLedger) -> None:
    wallet = ledger.wallet(500)
    assert ledger.pay(wallet, 120).status == 201
    assert ledger.pay(wallet, 30, capture="manual").status == 201
    path = f"/v1/accounts/{wallet}"
    until("three entries", lambda: len(ledger.rows(f"{path}/entries")) == 3, FOLLOWS_SECONDS)
    shown = [
        (row["sequence"], row["amount"], row["held"], row["balance"]["posted"], row["balance"]["available"])
        for row in ledger.rows(f"{path}/entries")
    ]
    assert shown == [(3, 0, 30, 380, 350), (2, -120, 0, 380, 380), (1, 500, 0, 500, 500)]
    assert ledger.api.get(f"{path}?sequence=2").json["balance"]["posted"] == 380
    assert ledger.api.get(f"{path}?sequence=1").json["balance"]["posted"] == 500


def test_events_are_paged_forward_and_none_is_lost(ledger: OwnLedger) -> None:
    wallet = ledger.wallet(50)
    payments = {ledger.pay(wallet, 10).json["id"] for _ in range(5)}
    oldest = _first_event(ledger)
    met: list[dict[str, str]] = [oldest]

    def all_were_met() -> bool:
        met.extend(_next_events(ledger, met[-1]["id"]))
        return payments <= {event["object_id"] for event in met}

    until("every payment's event is shown", all_were_met, FOLLOWS_SECONDS)
    assert len({event["id"] for event in met}) == len(met), "each is met once"
    assert [event["id"] for event in met] == sorted(event["id"] for event in met)
    shown = [row["id"] for row in ledger.rows("/v1/events?limit=100")]
    until_then = [identifier for identifier in shown if identifier <= met[-1]["id"]]  # others have grown old since
    assert [event["id"] for event in met[::-1]] == until_then, "none was passed over"


def _first_event(ledger: OwnLedger) -> dict[str, str]:
    until("an event is old enough to be shown", lambda: bool(ledger.rows("/v1/events")), FOLLOWS_SECONDS)
    return ledger.rows("/v1/events?limit=100")[-1]


def _next_events(ledger: OwnLedger, last: str) -> list[dict[str, str]]:
    return ledger.rows(f"/v1/events?limit=2&ending_before={last}")[::-1]


def test_the_history_of_a_payment(ledger: OwnLedger) -> None:
    payment = ledger.pay(ledger.wallet(100), 90, capture="manual").json["id"]
    path = f"/v1/payments/{payment}"
    assert ledger.api.post(f"{path}/capture", {"amount": 50}).status == 200
    assert ledger.api.post(f"{path}/cancel").status == 200
    ledger.made("/v1/refunds", payment=payment, amount=20)
    until("four steps", lambda: len(ledger.rows(f"{path}/history")) == 4, FOLLOWS_SECONDS)
    assert [(step["object_version"], step["type"]) for step in ledger.rows(f"{path}/history")] == [
        (4, "payment.refunded"),
        (3, "payment.captured"),
        (2, "payment.partially_captured"),
        (1, "payment.authorized"),
    ]


def test_an_account_is_closed_when_it_is_empty(ledger: OwnLedger) -> None:
    wallet = ledger.wallet(10)
    refused(ledger.api.post(f"/v1/accounts/{wallet}/close"), 409, "state_conflict")
    assert ledger.pay(wallet, 10).status == 201
    assert ledger.api.post(f"/v1/accounts/{wallet}/close").json["status"] == "closed"
    refused(ledger.api.post("/v1/transfers", ledger.move(ledger.external, wallet, 1)), 422, "account_closed")
    refused(ledger.api.post(f"/v1/accounts/{wallet}/close"), 409, "state_conflict")


def test_limits_to_what_may_be_owed(ledger: OwnLedger) -> None:
    """A wallet's overdraft, and how far refunds may take a merchant below zero."""
    wallet = ledger.wallet()
    assert ledger.patch(wallet, overdraft_limit=50).json["overdraft_limit"] == 50
    payment = ledger.pay(wallet, 50).json["id"]
    refused(ledger.pay(wallet, 1), 402, "insufficient_funds")
    refused(ledger.patch(wallet, overdraft_limit=49), 409, "state_conflict")
    assert ledger.patch(ledger.shop, slices=1, negative_limit=0).json["negative_limit"] == 0
    ledger.made("/v1/refunds", payment=payment, amount=50)
    other = ledger.pay(wallet, 10).json["id"]
    merchant = ledger.open("merchant")
    assert ledger.patch(merchant, slices=1, negative_limit=5).status == 200
    fee = {"basis_points": 10_000, "account": ledger.open("platform")}
    assert ledger.patch(merchant, fee=fee).status == 200
    spent = ledger.pay(wallet, 6, payee=merchant).json
    assert spent["fee"] == 6
    refused(ledger.api.post("/v1/refunds", {"payment": spent["id"]}), 402, "insufficient_funds")
    ledger.made("/v1/refunds", payment=spent["id"], amount=5)
    ledger.made("/v1/refunds", payment=other)


def test_a_mandate_lets_another_debit_until_it_is_revoked(ledger: OwnLedger, new_client: NewApi) -> None:
    wallet = ledger.wallet(100)
    shop = new_client(role="merchant", tenant=ledger.tenant, principal="prn_collector")
    body = {"amount": 10, "currency": "USD", "payer": wallet, "payee": ledger.shop}
    mandate = {"principal": "prn_collector"}
    refused(shop.post("/v1/payments", body), 404, "account_not_found")
    assert ledger.api.post(f"/v1/accounts/{wallet}/grant", mandate).json["mandates"] == ["prn_collector"]
    held = shop.post("/v1/payments", body | {"capture": "manual"}).json["id"]
    assert shop.post("/v1/payments", body).status == 201
    assert ledger.api.post(f"/v1/accounts/{wallet}/revoke", mandate).json["mandates"] == []
    refused(shop.post("/v1/payments", body), 404, "account_not_found")
    assert shop.post(f"/v1/payments/{held}/capture").status == 200, "what was promised before is kept"
    assert ledger.api.available(wallet) == 80


def test_transfers_in_two_steps_in_a_batch_and_back(ledger: OwnLedger) -> None:
    one, other = ledger.wallet(100), ledger.wallet()
    held = [ledger.made("/v1/transfers", **ledger.move(one, other, 40), mode="hold") for _ in range(2)]
    assert ledger.api.available(one) == 20
    assert ledger.api.post(f"/v1/transfers/{held[0]}/post", {"amount": 30}).json["status"] == "posted"
    assert ledger.api.post(f"/v1/transfers/{held[1]}/void").json["status"] == "voided"
    assert (ledger.api.available(one), ledger.api.available(other)) == (70, 30)
    rows = [ledger.move(other, one, 30), ledger.move(one, ledger.shop, 101)]
    failed = ledger.api.post("/v1/transfers/batch", {"transfers": rows})
    refused(failed, 402, "insufficient_funds")
    assert failed.json["index"] == 1
    rows[1]["amount"] = 100
    assert ledger.api.post("/v1/transfers/batch", {"transfers": rows}).status == 201
    assert ledger.api.available(one) == 0
    refused(ledger.api.post(f"/v1/transfers/{held[0]}/reverse", {"amount": 31}), 422, "reversal_too_large")
    refused(ledger.api.post(f"/v1/transfers/{held[0]}/reverse", {"amount": 1}), 402, "insufficient_funds")
    ledger.made("/v1/transfers", **ledger.move(ledger.external, other, 5))
    assert ledger.api.post(f"/v1/transfers/{held[0]}/reverse", {"amount": 5}).json["reverses"] == held[0]
    assert ledger.api.available(one) == 5


@pytest.fixture
def verified(stack: LocalStack) -> Callable[[str], str]:
    """Run the verifier as an operator would, and give what it prints."""
    environment = {**clean_environment(), "DATA": str(stack.data)}

    def verify(tenant: str) -> str:
        command = [sys.executable, "-m", "infra.verify", "--stage", "local", "--tenant", tenant]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert not done.stderr, done.stderr
        return done.stdout

    return verify


def test_the_verifier_is_content(ledger: OwnLedger, verified: Callable[[str], str]) -> None:
    wallet = ledger.wallet(100)
    assert ledger.pay(wallet, 101).status == 402
    held = ledger.pay(wallet, 40, capture="manual", reference="order-1").json["id"]
    ledger.made("/v1/refunds", payment=ledger.pay(wallet, 20).json["id"], amount=5)
    ledger.made("/v1/transfers/batch", transfers=[ledger.move(wallet, ledger.wallet(), 7)])
    ledger.made("/v1/transfers", **ledger.move(wallet, ledger.shop, 3), mode="hold")
    ledger.advance(8 * DAY)
    ledger.becomes(f"/v1/payments/{held}", {"status": "expired"})
    until("no break is found", lambda: "no break" in verified(ledger.tenant), FOLLOWS_SECONDS)
    assert "no break" in verified(TENANT), "nor in what all other tests have left"
