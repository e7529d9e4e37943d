"""Moving a sandbox's time: forwards only, for this tenant only, and what is due follows."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.web.internal import Sweeper
from tests.doubles.platform import Client, Context
from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, SmallLedger

PATH = "/v1/test_clock"


def _advance(ledger: SmallLedger, seconds: object, client: Client = ELSEWHERE, **more: Any) -> tuple[int, object]:
    answer = ledger.post(client, PATH, {"advance_seconds": seconds}, **more)
    return answer.status, answer.json


def test_time_moves_on_and_stays_moved() -> None:
    ledger = SmallLedger()
    assert _advance(ledger, 60)[0] == 200
    _, clock = _advance(ledger, DAY_SECONDS)
    assert clock == {
        "id": "clock_other.sandbox",
        "object": "test_clock",
        "now": "2026-11-24T09:01:00.000Z",
        "ahead_seconds": DAY_SECONDS + 60,
        "version": 2,
    }
    assert ledger.get(ELSEWHERE, PATH).json == clock
    made = ledger.post(ELSEWHERE, "/v1/accounts", {"kind": "wallet", "currency": "USD"}).json
    assert made["created_at"] == "2026-11-24T09:01:00.000Z"


def test_a_repetition_moves_it_once() -> None:
    ledger = SmallLedger()
    first = _advance(ledger, 60, key="k")
    assert _advance(ledger, 60, key="k") == first
    assert ledger.get(ELSEWHERE, PATH).json["ahead_seconds"] == 60


def test_if_match() -> None:
    ledger = SmallLedger()
    assert _advance(ledger, 1, headers={"If-Match": '"1"'})[0] == 412
    assert _advance(ledger, 1)[0] == 200
    assert _advance(ledger, 1, headers={"If-Match": '"1"'})[0] == 200
    assert _advance(ledger, 1, headers={"If-Match": '"1"'})[0] == 412


def test_a_live_tenant_has_no_clock_to_move() -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    assert _advance(ledger, 60, OPERATOR)[0] == 403
    assert _advance(ledger, 60, ALICE)[0] == 403
    assert ledger.snapshot() == before
    assert ledger.get(OPERATOR, PATH).status == 403


@pytest.mark.parametrize("seconds", [0, -1, 1.5, "60", None, 400 * DAY_SECONDS + 1])
def test_a_bad_step(seconds: object) -> None:
    assert _advance(SmallLedger(), seconds)[0] == 400


def test_it_does_not_move_for_ever() -> None:
    ledger = SmallLedger()
    statuses = [_advance(ledger, 400 * DAY_SECONDS)[0] for _ in range(20)]
    assert statuses[:18] == [200] * 18
    assert statuses[-1] == 409


def test_holds_of_this_sandbox_expire_and_nobody_elses() -> None:
    ledger = SmallLedger()
    live = ledger.authorize()
    payer, payee = _funded_sandbox(ledger)
    body = {"amount": 5, "currency": "USD", "payer": payer, "payee": payee, "capture": "manual"}
    payment = ledger.made(ledger.post(ELSEWHERE, "/v1/payments", body))
    assert _advance(ledger, 7 * DAY_SECONDS)[0] == 200
    late = ledger.step(payment, "capture", ELSEWHERE)
    assert late.status == 409, "the sandbox's time is over at once, swept or not"
    assert Sweeper("payment", expire, lambda: ledger.platform.bench)({}, Context()) == {"happened": 1, "failed": 0}
    assert ledger.get(ELSEWHERE, f"/v1/payments/{payment}").json["status"] == "expired"
    assert ledger.get(ALICE, f"/v1/payments/{live}").json["status"] == "authorized"


def _funded_sandbox(ledger: SmallLedger) -> list[str]:
    """Open an external account and two wallets for the other tenant, the first with funds; return the wallets."""
    source, *wallets = (ledger.open(ELSEWHERE, kind) for kind in ("external", "wallet", "wallet"))
    ledger.made(ledger.transfer(ELSEWHERE, source=source, destination=wallets[0], amount=10))
    return wallets


def test_only_an_operator_moves_it() -> None:
    ledger = SmallLedger()
    owner = replace(ELSEWHERE, client_id="cl_guest", principal="prn_guest", role="owner")
    ledger.platform.register(owner)
    assert _advance(ledger, 1, owner)[0] == 403
