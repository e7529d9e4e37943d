"""L3: what the functions call on their tables while everything is done once is what their policies grant, and no more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.settings import Settings
from chalicelib.store.dynamo import LeanDynamo
from chalicelib.store.wire import AwsJson
from chalicelib.tokens.scopes import SCOPES
from chalicelib.verifier.entrypoint import verify_tenants
from chalicelib.web.call import Bench
from chalicelib.web.metrics import Metrics
from infra.local import engines
from infra.local.api_client import Api, Credentials
from infra.permissions import GRANTS
from infra.register import NewClient
from infra.resources import read_resources
from tests.doubles.tapped_aws import Call, tapped
from tests.e2e.conftest import register_of, tables_of
from tests.e2e.local_stack import LocalStack, functions_environment, until
from tests.e2e.own_ledger import FOLLOWS_SECONDS, OwnLedger, refused

DAY = 86_400
TENANT = "own.sandbox"
PLACES = {table: place for place, table in read_resources("local").tables.items()}
FIND = ("dynamodb:GetItem", "commits")
FOR_RARE_DAYS = {
    # One's own commit is looked for after a conflict or an unknown outcome (tests/simulator).
    *(Call(function, *FIND, transacted=False) for function in ("clocks", "payments_due", "transfers_due")),
    # Only what a stream has lost is filled in (tests/unit/verifier).
    Call("verifier", "dynamodb:PutItem", "projections", transacted=True),
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[Call]]:
    """Do everything once on a stack whose engine is behind a tap; give who called what."""
    folder = tmp_path_factory.mktemp("tapped")
    engine = engines.start(engines.choose("auto", engines.ROOT / ".local" / "engine"), data=folder / "engine")
    try:
        with tapped(engine.url) as tap:
            _live(folder / "stack", tap.url)
            yield {call._replace(table=PLACES[call.table]) for call in tap.calls if call.table}
    finally:
        engine.stop()


def _live(folder: Path, engine: str) -> None:
    stack = LocalStack(folder, engine)
    try:
        stack.start()
        ledger = OwnLedger(_operator(stack), TENANT)
        _move_money(ledger.furnish())
        _wait_for_time(ledger)
        _look(ledger)
        ledger.api.close()
        _verify(stack)
    finally:
        stack.stop()


def _operator(stack: LocalStack) -> Api:
    wire = tables_of(stack)
    issued = register_of(stack, wire).create(NewClient(TENANT, "operator", tuple(SCOPES), "sandbox"))
    wire.close()
    credentials = Credentials(issued.client_id, issued.client_secret, issued.api_key)
    return Api(stack.sandbox.base_url, stack.sandbox.ca, credentials).login()


def _move_money(ledger: OwnLedger) -> None:
    wallet, other = ledger.wallet(1_000), ledger.wallet()
    assert ledger.patch(ledger.external, slices=4).status == 200
    merchant = ledger.open("merchant")
    assert ledger.patch(merchant, slices=1, negative_limit=5).status == 200
    paid = ledger.pay(wallet, 100).json["id"]
    ledger.made("/v1/refunds", payment=paid, amount=10)
    refused(ledger.api.post("/v1/refunds", {"payment": paid, "amount": 91}), 422, "refund_too_large")
    held = ledger.pay(wallet, 50, capture="manual", reference="order-1").json["id"]
    assert ledger.api.post(f"/v1/payments/{held}/capture", {"amount": 20, "final": False}).status == 200
    assert ledger.api.post(f"/v1/payments/{held}/cancel").status == 200
    refused(ledger.api.post(f"/v1/payments/{held}/capture"), 409, "state_conflict")
    void = ledger.pay(wallet, 50, capture="manual", reference="order-2").json["id"]
    assert ledger.api.post(f"/v1/payments/{void}/cancel").status == 200
    ledger.made("/v1/transfers", **ledger.move(wallet, other, 5), mode="hold")
    refused(ledger.api.post("/v1/transfers", ledger.move(wallet, wallet, 5)), 422, "same_account")
    assert ledger.api.post("/v1/transfers/batch", {"transfers": [ledger.move(wallet, other, 5)]}).status == 201
    assert ledger.api.post(f"/v1/accounts/{other}/freeze").status == 200
    refused(ledger.api.post(f"/v1/accounts/{other}/freeze"), 409, "state_conflict")


def _wait_for_time(ledger: OwnLedger) -> None:
    """Let a hold expire and a date come: the sweepers' work."""
    wallet, other = ledger.wallet(100), ledger.wallet()
    date = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    scheduled = ledger.made("/v1/transfers", **ledger.move(wallet, other, 60), scheduled_for=date)
    held = ledger.pay(wallet, 30, capture="manual", reference="order-3").json["id"]
    ledger.advance(8 * DAY)
    ledger.becomes(f"/v1/transfers/{scheduled}", {"status": "posted"})
    ledger.becomes(f"/v1/payments/{held}", {"status": "expired"})


def _look(ledger: OwnLedger) -> None:
    wallet = ledger.wallet(7)
    paid = ledger.pay(wallet, 7).json["id"]
    until("two entries", lambda: len(ledger.rows(f"/v1/accounts/{wallet}/entries")) == 2, FOLLOWS_SECONDS)
    until("a step", lambda: bool(ledger.rows(f"/v1/payments/{paid}/history")), FOLLOWS_SECONDS)
    assert ledger.api.get(f"/v1/accounts/{wallet}?sequence=1").json["balance"]["posted"] == 7
    assert ledger.api.get(f"/v1/accounts/{ledger.external}").status == 200
    for path in ("accounts", "payments", "refunds", "transfers", "events", "test_clock"):
        assert ledger.api.get(f"/v1/{path}").status == 200, path


def _verify(stack: LocalStack) -> None:
    """Call the verifier here: nobody waits an hour for its schedule."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in functions_environment(stack).items():
            patch.setenv(name, value)
        patch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tollgate-local-verifier")
        wire = AwsJson("dynamodb", "DynamoDB_20120810")
        dynamo = LeanDynamo(Settings.from_environment().table_names(), wire=wire)
        assert not any(verify_tenants(Bench(dynamo, SystemClock(), SystemChance(), Metrics("local"))).values())
        wire.close()


def _granted() -> set[Call]:
    return {
        Call(function, action, place, grant.transacted)
        for function, grants in GRANTS.items()
        for grant in grants
        for action in grant.actions
        for place in grant.places
        if place in PLACES.values()
    }


def test_l3_nothing_is_called_that_is_not_granted(calls: set[Call]) -> None:
    assert {call.function for call in calls} == {call.function for call in _granted()}, "everybody has been at work"
    assert calls - _granted() == set()


def test_l3_nothing_is_granted_that_is_not_called(calls: set[Call]) -> None:
    assert _granted() - calls <= FOR_RARE_DAYS
