"""What a caller is told when several things are wrong at once: a ladder of refusals for each kind of request.

A request that has everything wrong with it from one rung on is refused for that rung, so each goes before all below it.
Without any of it the request succeeds, so each is told for what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doubles.platform import Client, Response
from tests.doubles.small_ledger import ALICE, BOB, OPERATOR, SHOP, SmallLedger, foreign

CACHED_SECONDS = 6
"""Longer than a client is believed to be active."""


@dataclass
class Asking:
    """A request that can still be spoilt in every way."""

    client: Client
    path: str
    body: dict[str, Any]
    method: str = "POST"
    key: str | None = "the-key"
    headers: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    api_key_id: str | None = None
    ledger: SmallLedger = field(default_factory=SmallLedger)

    def send(self) -> Response:
        return self.ledger.platform.request(
            self.client,
            self.method,
            self.path,
            self.body,
            key=self.key,
            headers=self.headers,
            raw=self.raw,
            api_key_id=self.api_key_id,
        )


Spoil = Callable[[Asking], object]
Ladder = list[tuple[str, Spoil]]


def _header(name: str, value: str) -> Spoil:
    return lambda asking: asking.headers.update({name: value})


def _body(**changes: Any) -> Spoil:
    return lambda asking: asking.body.update(changes)


def _account(name: str, **changes: Any) -> Spoil:
    return lambda asking: asking.ledger.change(getattr(asking.ledger, name), **changes)


def _attribute(name: str, value: Any) -> Spoil:
    return lambda asking: setattr(asking, name, value)


def _used_key(asking: Asking) -> None:
    body = {"kind": "wallet", "currency": "JPY"}
    asking.ledger.made(asking.ledger.post(asking.client, "/v1/accounts", body, key="the-key"))


def _revoked(asking: Asking) -> None:
    asking.ledger.revoke(asking.client)
    asking.ledger.clock.move(CACHED_SECONDS)


def _missing(asking: Asking) -> None:
    head, _, rest = asking.path.removeprefix("/v1/").partition("/")
    identifier, _, verb = rest.partition("/")
    asking.path = "/".join(part for part in ("/v1", head, foreign(identifier), verb) if part)


def _missing_payment(asking: Asking) -> None:
    asking.body["payment"] = foreign(asking.body["payment"])


def _step(verb: str) -> Spoil:
    """Take the object to where the request cannot follow."""
    return lambda asking: asking.ledger.post(OPERATOR, f"{asking.path.rpartition('/')[0]}/{verb}")


# Before anybody looks at what is asked for. Of what is not JSON nothing is known, of a bad body neither key nor version.
REQUEST: Ladder = [
    ("forbidden", _attribute("api_key_id", "key_of_another")),
    ("unsupported_media_type", _header("Content-Type", "text/plain")),
    ("invalid_json", _attribute("raw", "{")),
    ("invalid_request", _body(unknown=1)),
    ("idempotency_key_missing", _attribute("key", None)),
    ("if_match_invalid", _header("If-Match", "x")),
    ("client_revoked", _revoked),
    ("idempotency_key_reused", _used_key),
]
STALE: Spoil = _header("If-Match", '"7"')


def _pay() -> Asking:
    asking = Asking(ALICE, "/v1/payments", {"amount": 100, "currency": "USD"})
    asking.body |= {"payer": asking.ledger.alice, "payee": asking.ledger.shop}
    asking.ledger.made(asking.ledger.pay(amount=1, reference="order-1"))
    return asking


PAY: Ladder = [
    ("precondition_failed", STALE),
    ("same_account", lambda asking: asking.body.update(payer=asking.ledger.shop, payee=asking.ledger.shop)),
    ("account_kind_not_allowed", lambda asking: asking.body.update(payer=asking.ledger.external)),
    ("reference_taken", _body(reference="order-1")),
    ("account_not_found", _account("alice", o="prn_nobody")),
    ("currency_mismatch", _account("alice", c="EUR")),
    ("account_closed", _account("shop", s="closed")),
    ("account_frozen", _account("alice", s="frozen")),
    ("insufficient_funds", _account("alice", f=99)),
]


def _capture() -> Asking:
    asking = Asking(ALICE, "", {})
    asking.path = f"/v1/payments/{asking.ledger.authorize()}/capture"
    return asking


CAPTURE: Ladder = [
    ("not_found", _missing),
    ("precondition_failed", STALE),
    ("state_conflict", _step("cancel")),
    ("capture_too_large", _body(amount=101)),
    ("account_closed", _account("shop", s="closed")),
]


def _refund() -> Asking:
    """Of a payment from Alice to Bob, by Bob: a wallet can refuse for everything there is."""
    asking = Asking(BOB, "/v1/refunds", {})
    asking.body["payment"] = asking.ledger.made(asking.ledger.pay(payee=asking.ledger.bob))
    return asking


REFUND: Ladder = [
    ("not_found", _missing_payment),
    ("precondition_failed", STALE),
    ("refund_too_large", _body(amount=101)),
    ("forbidden", _attribute("client", ALICE)),
    ("account_closed", _account("alice", s="closed")),
    ("account_frozen", _account("bob", s="frozen")),
    ("insufficient_funds", _account("bob", f=99)),
]


def _transfer() -> Asking:
    asking = Asking(ALICE, "/v1/transfers", {"amount": 100, "currency": "USD"})
    asking.body |= {"source": asking.ledger.alice, "destination": asking.ledger.bob}
    return asking


TRANSFER: Ladder = [
    ("precondition_failed", STALE),
    ("same_account", lambda asking: asking.body.update(source=asking.ledger.shop, destination=asking.ledger.shop)),
    ("forbidden", lambda asking: asking.body.update(destination=asking.ledger.external)),
    ("account_kind_not_allowed", lambda asking: asking.body.update(source=asking.ledger.shop)),
    ("account_not_found", _account("alice", o="prn_nobody")),
    ("currency_mismatch", _account("alice", c="EUR")),
    ("account_closed", _account("bob", s="closed")),
    ("account_frozen", _account("alice", s="frozen")),
    ("insufficient_funds", _account("alice", f=99)),
]


def _later() -> Asking:
    asking = _transfer()
    asking.body["scheduled_for"] = "2026-12-01"
    return asking


LATER: Ladder = [
    *TRANSFER[:4],
    ("invalid_request", _body(scheduled_for="2026-11-01")),
    ("account_not_found", _account("alice", o="prn_nobody")),
    ("currency_mismatch", _account("alice", c="EUR")),
    ("account_closed", _account("bob", s="closed")),
]


def _post() -> Asking:
    asking = Asking(ALICE, "", {})
    asking.path = f"/v1/transfers/{asking.ledger.hold()}/post"
    return asking


POST: Ladder = [
    ("not_found", _missing),
    ("forbidden", _attribute("client", BOB)),
    ("precondition_failed", STALE),
    ("state_conflict", _step("void")),
    ("post_too_large", _body(amount=101)),
    ("account_closed", _account("bob", s="closed")),
]


def _reverse() -> Asking:
    asking = Asking(BOB, "", {})
    asking.path = f"/v1/transfers/{asking.ledger.made(asking.ledger.transfer())}/reverse"
    return asking


REVERSE: Ladder = [
    ("not_found", _missing),
    ("precondition_failed", STALE),
    ("reversal_too_large", _body(amount=101)),
    ("forbidden", _attribute("client", ALICE)),
    ("account_closed", _account("alice", s="closed")),
    ("account_frozen", _account("bob", s="frozen")),
    ("insufficient_funds", _account("bob", f=99)),
]


def _update() -> Asking:
    """Of a merchant's account by its owner: who may not choose a limit, nor is there an overdraft."""
    asking = Asking(OPERATOR, "", {"metadata": {"a": "b"}}, method="PATCH")
    asking.path = f"/v1/accounts/{asking.ledger.shop}"
    return asking


def _not_the_operators(asking: Asking) -> None:
    asking.client = SHOP
    asking.body["slices"] = 2


def _closed_for_good(asking: Asking) -> None:
    assert asking.ledger.post(OPERATOR, f"/v1/accounts/{asking.ledger.shop}/close").status == 200


UPDATE: Ladder = [
    ("not_found", _missing),
    ("precondition_failed", STALE),
    ("forbidden", _not_the_operators),
    ("setting_not_allowed", _body(overdraft_limit=1)),
    ("state_conflict", _closed_for_good),
]

LADDERS: dict[str, tuple[Callable[[], Asking], Ladder]] = {
    "pay": (_pay, PAY),
    "capture": (_capture, CAPTURE),
    "refund": (_refund, REFUND),
    "transfer": (_transfer, TRANSFER),
    "transfer later": (_later, LATER),
    "post": (_post, POST),
    "reverse": (_reverse, REVERSE),
    "update": (_update, UPDATE),
}
ROWS = [
    pytest.param(make, (*REQUEST, *ladder)[rung:], id=f"{name}: {code}")
    for name, (make, ladder) in LADDERS.items()
    for rung, (code, _) in enumerate((*REQUEST, *ladder, ("done", None)))
]


@pytest.mark.parametrize(("make", "wrong"), ROWS)
def test_the_first_of_all_that_is_wrong_is_told(make: Callable[[], Asking], wrong: Ladder) -> None:
    asking = make()
    for _, spoil in reversed(wrong):
        spoil(asking)
    answer = asking.send()
    assert answer.json.get("code", "done") == (wrong[0][0] if wrong else "done"), answer
