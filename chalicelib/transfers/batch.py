"""Making up to 33 transfers in one commit: all of them, or none.

Several legs on one balance are folded into one update, so what an account can spend is judged by what the batch as a
whole does to it: money that comes in by one transfer can go out by another, in whatever order they stand. Who may
debit an account, and whether it is open, is judged for each transfer.

A refusal names the first transfer that cannot be done. A decline (402) is remembered under the key as every decline
is, but it makes no transfers: there is nothing of a batch but its record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.kernel.problems import (
    ACCOUNT_FROZEN,
    ACCOUNT_NOT_FOUND,
    CURRENCY_MISMATCH,
    INSUFFICIENT_FUNDS,
    Kind,
    Problem,
)
from chalicelib.ledger.entry import Entry, fold
from chalicelib.ledger.movements import move
from chalicelib.store.commit import Event
from chalicelib.store.port import Item
from chalicelib.store.posting import Side, spendable_minor
from chalicelib.transfers.create import immediate, refuse_impossible
from chalicelib.transfers.records import making, resource
from chalicelib.transfers.schema import BatchTransfers, OneTransfer
from chalicelib.transfers.transfer import Transfer
from chalicelib.web.call import Call, Change, Reply

PREFIX: Final = "trb"


@dataclass(frozen=True, slots=True)
class Part:
    """What one transfer of the batch does to an account: a debit is negative (minor units)."""

    index: int
    param: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class BatchSide(Side):
    """An account of a batch with everything the transfers do to it, in their order."""

    parts: tuple[Part, ...] = ()

    def refusal(self, kind: Kind, detail: str, item: Item | None) -> Problem:
        """Blame the first transfer that fails: of a debit's refusals the first debit, of funds the first without."""
        part = self._blamed(kind, item)
        return _of(part.index, Problem(kind, detail, param=part.param))

    def _blamed(self, kind: Kind, item: Item | None) -> Part:
        debits = [part for part in self.parts if part.amount_minor < 0]
        if kind is INSUFFICIENT_FUNDS and item is not None:
            credits_minor = sum(part.amount_minor for part in self.parts if part.amount_minor > 0)
            return _first_uncovered(debits, spendable_minor(item) + credits_minor)
        if kind is ACCOUNT_FROZEN or (kind is ACCOUNT_NOT_FOUND and item is not None):
            return debits[0]
        return self.parts[0]


def batch(call: Call) -> Reply:
    """Move all the money at once; every source must be the caller's own, or under a mandate given to it."""
    wanted: BatchTransfers = call.body
    _refuse_impossible(call, wanted.transfers)
    batch_id = call.new_id(PREFIX)
    transfers = [replace(immediate(call, one), batch=batch_id) for one in wanted.transfers]
    return call.commit(
        Change(
            operation="transfers.batch",
            status=201,
            resource={
                "object": "transfer_batch",
                "id": batch_id,
                "transfers": [resource(transfer) for transfer in transfers],
            },
            events=("transfer_batch.posted",),
            more_events=tuple(Event("transfer.posted", transfer.id, transfer.version) for transfer in transfers),
            effects=tuple(
                effect for transfer in transfers for effect in making(call.tenant, transfer, call.commit_key)
            ),
            entry=_entry(call, transfers),
            sides=_sides(transfers, call.caller.principal),
            on_decline=lambda problem: _declined(batch_id, problem),
        )
    )


def _refuse_impossible(call: Call, wanted: Sequence[OneTransfer]) -> None:
    currencies: dict[str, str] = {}
    for index, one in enumerate(wanted):
        try:
            refuse_impossible(call, one)
            _refuse_second_currency(one, currencies)
        except Problem as refusal:
            raise _of(index, refusal) from None


def _refuse_second_currency(one: OneTransfer, currencies: dict[str, str]) -> None:
    """An account has one currency, so it cannot stand in a batch with two."""
    for param, account in (("source", one.source), ("destination", one.destination)):
        if currencies.setdefault(account, one.currency) != one.currency:
            detail = f"Account {account} stands in this batch with {currencies[account]} before."
            raise Problem(CURRENCY_MISMATCH, detail, param=param)


def _of(index: int, refusal: Problem) -> Problem:
    """Return the refusal of one transfer as that of its batch."""
    param = f"transfers.{index}" + (f".{refusal.param}" if refusal.param else "")
    row = {"param": param, "detail": refusal.detail}
    return Problem(refusal.kind, refusal.detail, param=param, errors=(row,), index=index)


def _entry(call: Call, transfers: Sequence[Transfer]) -> Entry:
    """Fold the moves; each account is posted to at one of its slices, however often it occurs."""
    accounts = [account for one in transfers for account in (one.source, one.destination)]
    places = {account: call.place(account) for account in dict.fromkeys(accounts)}
    moves = [move(places[one.source], places[one.destination], one.amount_minor, one.currency) for one in transfers]
    return fold(tuple(leg for entry in moves for leg in entry.legs))


def _sides(transfers: Sequence[Transfer], principal: str) -> Mapping[str, Side]:
    parts: dict[str, list[Part]] = {}
    for account, part in _parts(transfers):
        parts.setdefault(account, []).append(part)
    return {account: _side(tuple(found), principal) for account, found in parts.items()}


def _parts(transfers: Sequence[Transfer]) -> Iterator[tuple[str, Part]]:
    for index, one in enumerate(transfers):
        yield one.source, Part(index, "source", -one.amount_minor)
        yield one.destination, Part(index, "destination", one.amount_minor)


def _side(parts: tuple[Part, ...], principal: str) -> BatchSide:
    debited = any(part.amount_minor < 0 for part in parts)
    return BatchSide(parts[0].param, principal if debited else None, debited=debited, parts=parts)


def _first_uncovered(debits: Sequence[Part], funds_minor: int) -> Part:
    """Return the first debit that the funds, with all that comes in, do not cover any more."""
    for part in debits:
        funds_minor += part.amount_minor
        if funds_minor < 0:
            return part
    raise AssertionError("the debits are covered, and the condition failed")


def _declined(batch_id: str, problem: Problem) -> Change:
    """A decline is a commit of its own, and all there is of the batch."""
    return Change(
        operation="transfers.batch",
        status=problem.kind.status,
        resource={"object": "transfer_batch", "id": batch_id},
        events=("transfer_batch.declined",),
        effects=(),
    )
