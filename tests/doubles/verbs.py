"""Every verb that writes, as one row: what it needs first, what it sends, and which version it is decided from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.doubles.platform import Client, Response
from tests.doubles.small_ledger import ALICE, OPERATOR, SmallLedger


@dataclass(frozen=True, slots=True)
class Sending:
    """One request, ready to be sent as often as wanted."""

    client: Client
    path: str
    body: Any = None

    def send(self, ledger: SmallLedger, key: str = "the-key", **more: Any) -> Response:
        return ledger.post(self.client, self.path, self.body, key=key, **more)


@dataclass(frozen=True, slots=True)
class Verb:
    """`arrange` makes what the request needs; `version` is what the changed object has before, None if it is new."""

    name: str
    status: int
    arrange: Callable[[SmallLedger], Sending]
    version: int | None = 1


def _accounts_create(_: SmallLedger) -> Sending:
    return Sending(ALICE, "/v1/accounts", {"kind": "wallet", "currency": "EUR", "metadata": {"a": "b"}})


def _freeze(ledger: SmallLedger) -> Sending:
    return Sending(OPERATOR, f"/v1/accounts/{ledger.alice}/freeze")


def _unfreeze(ledger: SmallLedger) -> Sending:
    account = ledger.open(ALICE, "wallet")
    assert ledger.post(OPERATOR, f"/v1/accounts/{account}/freeze").status == 200
    return Sending(OPERATOR, f"/v1/accounts/{account}/unfreeze")


def _payment(ledger: SmallLedger, capture: str) -> Sending:
    body = {"amount": 100, "currency": "USD", "payer": ledger.alice, "payee": ledger.shop, "capture": capture}
    return Sending(ALICE, "/v1/payments", body)


def _transfer(ledger: SmallLedger, **more: str) -> Sending:
    body = {"amount": 100, "currency": "USD", "source": ledger.alice, "destination": ledger.bob, **more}
    return Sending(ALICE, "/v1/transfers", body)


def _batch(ledger: SmallLedger) -> Sending:
    rows = [_transfer(ledger, destination=destination).body for destination in (ledger.bob, ledger.shop)]
    return Sending(ALICE, "/v1/transfers/batch", {"transfers": rows})


def _turn(ledger: SmallLedger, verb: str) -> Sending:
    return Sending(ALICE, f"/v1/transfers/{ledger.hold()}/{verb}", {})


def _reverse(ledger: SmallLedger) -> Sending:
    return Sending(OPERATOR, f"/v1/transfers/{ledger.made(ledger.transfer())}/reverse", {})


def _refund(ledger: SmallLedger) -> Sending:
    return Sending(OPERATOR, "/v1/refunds", {"payment": ledger.made(ledger.pay())})


def _grant(ledger: SmallLedger) -> Sending:
    return Sending(ALICE, f"/v1/accounts/{ledger.alice}/grant", {"principal": "prn_shop"})


def _revoke(ledger: SmallLedger) -> Sending:
    grant = _grant(ledger)
    assert ledger.post(grant.client, grant.path, grant.body).status == 200
    return Sending(ALICE, f"/v1/accounts/{ledger.alice}/revoke", grant.body)


VERBS = (
    Verb("accounts.create", 201, _accounts_create, version=None),
    Verb("accounts.freeze", 200, _freeze),
    Verb("accounts.unfreeze", 200, _unfreeze, version=2),
    Verb("accounts.close", 200, lambda ledger: Sending(ALICE, f"/v1/accounts/{ledger.open(ALICE, 'wallet')}/close")),
    Verb("accounts.grant", 200, _grant),
    Verb("accounts.revoke", 200, _revoke, version=2),
    Verb("payments.create", 201, lambda ledger: _payment(ledger, "automatic"), version=None),
    Verb("payments.create manual", 201, lambda ledger: _payment(ledger, "manual"), version=None),
    Verb("payments.capture", 200, lambda ledger: Sending(ALICE, f"/v1/payments/{ledger.authorize()}/capture", {})),
    Verb("payments.cancel", 200, lambda ledger: Sending(ALICE, f"/v1/payments/{ledger.authorize()}/cancel")),
    Verb("refunds.create", 201, _refund),
    Verb("transfers.create", 201, _transfer, version=None),
    Verb("transfers.create hold", 201, lambda ledger: _transfer(ledger, mode="hold"), version=None),
    Verb("transfers.create later", 201, lambda ledger: _transfer(ledger, scheduled_for="2026-12-01"), version=None),
    Verb("transfers.batch", 201, _batch, version=None),
    Verb("transfers.post", 200, lambda ledger: _turn(ledger, "post")),
    Verb("transfers.void", 200, lambda ledger: _turn(ledger, "void")),
    Verb("transfers.reverse", 201, _reverse),
)
VERSIONED = tuple(verb for verb in VERBS if verb.version)


def name_of(verb: Verb) -> str:
    return verb.name
