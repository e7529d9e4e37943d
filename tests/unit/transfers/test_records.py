"""The items of transfers: whatever has happened to one, the commit records alone say what its item holds."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from chalicelib.store.commit import read_audit, read_snapshot
from chalicelib.store.port import HASH, RANGE, Item
from chalicelib.transfers.due import happen
from chalicelib.transfers.records import attributes, restored
from chalicelib.web.internal import Sweeper
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, BOB, FUNDS_MINOR, OPERATOR, SmallLedger


def _later(ledger: SmallLedger, amount: int) -> None:
    terms: dict[str, Any] = {"metadata": {"order": "7"}, "description": "Rent", "scheduled_for": "2026-11-24"}
    ledger.made(ledger.transfer(amount=amount, **terms))
    _sweep(ledger)


def _sweep(ledger: SmallLedger) -> None:
    ledger.clock.move(8 * 86_400)
    assert Sweeper("transfer", happen, lambda: ledger.platform.bench)({}, Context())["failed"] == 0


def _expired(ledger: SmallLedger) -> None:
    ledger.hold(metadata={"order": "7"}, description="Rent")
    _sweep(ledger)


def _reversed(ledger: SmallLedger) -> None:
    transfer = ledger.made(ledger.transfer(amount=700, description="Rent"))
    for amount in (1, 2):
        assert ledger.turn(transfer, "reverse", BOB, amount=amount).status == 201
    ledger.made(ledger.transfer(BOB, source=ledger.bob, destination=ledger.alice, amount=690))
    assert ledger.turn(transfer, "reverse", OPERATOR).status == 402


LIVES: dict[str, Callable[[SmallLedger], Any]] = {
    "posted at once": lambda ledger: ledger.transfer(description="Rent", metadata={"order": "7"}),
    "declined": lambda ledger: ledger.transfer(amount=FUNDS_MINOR + 1, description="Rent", metadata={"order": "7"}),
    "held": lambda ledger: ledger.hold(description="Rent", metadata={"order": "7"}),
    "a hold declined": lambda ledger: ledger.transfer(amount=FUNDS_MINOR + 1, mode="hold"),
    "posted in part by an operator": lambda ledger: ledger.turn(ledger.hold(), "post", OPERATOR, amount=1),
    "voided": lambda ledger: ledger.turn(ledger.hold(description="Rent"), "void"),
    "expired": _expired,
    "scheduled": lambda ledger: ledger.transfer(scheduled_for="2026-12-01", description="Rent"),
    "executed": lambda ledger: _later(ledger, 700),
    "declined at its time": lambda ledger: _later(ledger, FUNDS_MINOR + 1),
    "reversed": _reversed,
    "in a batch": lambda ledger: ledger.batch((ledger.alice, ledger.bob, 1), (ledger.alice, ledger.shop, 2)),
}


def _shown(record: Item) -> list[dict[str, Any]]:
    left = orjson.loads(read_snapshot(record))
    parts = [left, *left.get("transfers", ()), left.get("original", {})]
    return [part for part in parts if part.get("object") == "transfer"]


@pytest.mark.parametrize("life", LIVES)
def test_the_commits_say_what_the_items_hold(life: str) -> None:
    ledger = SmallLedger()
    LIVES[life](ledger)
    owners: dict[str, str] = {}
    expected: dict[str, Item] = {}
    for record in ledger.records():
        for shown in _shown(record):
            owner = owners.setdefault(shown["id"], read_audit(record).principal)
            expected[shown["id"]] = attributes(restored(shown, owner), str(record["sk"]))
    stored = {key.sk: item for key, item in ledger.snapshot().items() if "#transfer#" in key.pk}
    assert {
        identifier: {name: value for name, value in item.items() if name not in {HASH, RANGE}}
        for identifier, item in stored.items()
    } == expected
    assert len(stored) > 1, "what funded Alice, and what this life has made"


def test_the_owner_stays_who_made_it() -> None:
    ledger = SmallLedger()
    transfer = ledger.hold()
    ledger.turn(transfer, "post", OPERATOR)
    assert ledger.state("transfer", transfer)["o"] == ALICE.principal
