"""Bugs to be planted, one at a time: each breaks one promise, and the simulator has to find it.

A bug replaces something inside the platform while a test runs; nothing of the platform knows of it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from chalicelib.kernel.problems import (
    BUSY,
    INSUFFICIENT_FUNDS,
    VERSION_CONFLICT,
    Problem,
)
from chalicelib.ledger.entry import Entry, Leg
from chalicelib.payments.payment import Payment
from chalicelib.store import read
from chalicelib.store.commit import Commit, Stale, checksum
from chalicelib.store.port import (
    Absent,
    AtLeast,
    Authorised,
    Equals,
    OneOf,
    OutcomeUnknown,
    Put,
    Write,
)
from chalicelib.transfers.records import visible_transfer
from chalicelib.transfers.transfer import Transfer
from chalicelib.web import caller
from tests.simulator.planted_projections import PROJECTION_BUGS
from tests.simulator.planting import Bug, Patch, all_of, method, not_adding, replacing, setting, without, writing

MOVEMENTS: Final = "chalicelib.ledger.movements"
STORE: Final = "chalicelib.store"
WEB: Final = "chalicelib.web"


# Writes that are not what they should be.


def _recording(name: str, change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Remember something else in the commit record."""

    def remember(write: Write) -> Write:
        if isinstance(write, Put) and write.key.table == "commits":
            changed = {**write.attributes, name: change(write.attributes[name])}
            return replace(write, attributes={**changed, "x": checksum(changed)})
        return write

    return writing(remember)


def _only_the_first_slice(patch: Patch) -> None:
    intact = Commit.writes

    def writes(self: Commit) -> list[Write]:
        if not self.operation.endswith("freeze"):
            return intact(self)
        return [write for write in intact(self) if "#balance#" not in write.key.pk or write.key.sk.endswith("/0")]

    patch.setattr(Commit, "writes", writes)


# Functions that do something else.


def _unknown_is_failed(intact: Any) -> Any:
    """The answer that was lost is taken for a failure."""

    def try_once(dynamo: Any, wanted: Commit, patience: Any) -> Any:
        try:
            return intact(dynamo, wanted, patience)
        except OutcomeUnknown:
            raise Problem(BUSY, "The ledger did not take the write.") from None

    return try_once


def _again_under_another_key(intact: Any) -> Any:
    def try_once(dynamo: Any, wanted: Commit, patience: Any) -> Any:
        try:
            return intact(dynamo, wanted, patience)
        except OutcomeUnknown:
            return try_once(dynamo, replace(wanted, key=wanted.key + "+"), patience)

    return try_once


def _conflict_is_refusal(intact: Any) -> Any:
    def judge(dynamo: Any, wanted: Commit, reasons: Any) -> Any:
        if any(reason.code == "TransactionConflict" for reason in reasons):
            raise Problem(INSUFFICIENT_FUNDS, "The account cannot spend that.")
        return intact(dynamo, wanted, reasons)

    return judge


def _stale_is_refusal(intact: Any) -> Any:
    def once(route: Any, call: Any) -> Any:
        try:
            return intact(route, call)
        except Stale:
            raise Problem(VERSION_CONFLICT, "The object has changed.") from None

    return once


def _refused_without_looking(_: Any) -> Any:
    def once(route: Any, call: Any) -> Any:
        if not route.versioned:
            call.expect(None)
        return route.operation(call)

    return once


def _no_decline(intact: Any) -> Any:
    return lambda dynamo, wanted, patience: intact(dynamo, replace(wanted, declined=None), patience)


def _unfolded(place: Any, other: Any, amount: int, currency: str, *, released_minor: int = 0) -> Entry:
    return Entry(
        (
            Leg(place.account, place.slice_number, currency, posted_minor=-amount),
            Leg(place.account, place.slice_number, currency, held_minor=-(amount + released_minor)),
            Leg(other.account, other.slice_number, currency, posted_minor=amount),
        )
    )


def _releasing_nothing(intact: Any) -> Any:
    def post(*legs: Any, released_minor: int) -> Entry:
        entry: Entry = intact(*legs, released_minor=0 * released_minor)
        return entry

    return post


def _folded_wrongly(_: Any) -> Any:
    """The last leg of a balance wins, and its hold is forgotten."""

    def fold(legs: tuple[Leg, ...]) -> Entry:
        return Entry(tuple(replace(leg, held_minor=0) for leg in legs))

    return fold


def _eventual(intact: Any) -> Any:
    return lambda dynamo, *where: intact(_Eventual(dynamo), *where)


class _Eventual:
    """A client that never asks for consistency."""

    def __init__(self, dynamo: Any) -> None:
        self._dynamo = dynamo

    def get(self, key: Any) -> Any:
        return self._dynamo.get(key, consistent=False)


def _refund_uncapped(self: Payment, amount_minor: int | None) -> Payment:
    wanted_minor = self.captured_minor if amount_minor is None else amount_minor
    return replace(self, refunded_minor=self.refunded_minor + wanted_minor, version=self.version + 1)


def _only_seen(_: Any) -> Any:
    return visible_transfer


def _judged_by_sums(intact: Any) -> Any:
    """Whoever gets more than he gives needs nobody's authority, and may be frozen."""

    def side(parts: Any, principal: str) -> Any:
        net = sum(part.amount_minor for part in parts)
        return intact(parts, principal) if net < 0 else replace(intact(parts, principal), authority=None, debited=False)

    return side


def _hold_forever(self: Payment, now_at: int) -> None:
    """Whether the payment still holds anything, whatever the time is."""
    if not self.held_minor:
        raise self._conflict()


SETTINGS: Final = ("open an account with settings", "change an account's settings", "pay")

BUGS: Final = (
    # conditions
    Bug("version condition dropped", without(lambda one: isinstance(one, Equals) and one.name == "v")),
    Bug("currency condition dropped", without(lambda one: isinstance(one, Equals) and one.name == "c")),
    Bug("status condition dropped", without(lambda one: isinstance(one, OneOf))),
    Bug("authority condition dropped", without(lambda one: isinstance(one, Authorised))),
    Bug("funds condition dropped", without(lambda one: isinstance(one, AtLeast) and one.name == "f")),
    Bug("commit record written without Absent", without(lambda one: isinstance(one, Absent), "commits")),
    Bug("reference taken without Absent", without(lambda one: isinstance(one, Absent))),
    Bug("a stale fee is charged", without(lambda one: isinstance(one, Equals) and one.name == "r"), SETTINGS),
    Bug(
        "negative limit dropped",
        without(lambda one: isinstance(one, AtLeast) and one.name == "p"),
        about=(*SETTINGS, "refund"),
    ),
    Bug(
        "closed without looking again",
        without(lambda one: isinstance(one, Equals) and one.name in {"p", "q", "h"}),
        about=("open an account", "close what was opened last", "pay", "fund"),
    ),
    # books
    Bug("sequence not moved", not_adding("q")),
    Bug("spendable not moved with posted", not_adding("f")),
    Bug("held not moved with spendable", not_adding("h")),
    Bug("a leg missing in the record", _recording("l", lambda legs: legs[:1])),
    Bug("legs folded wrongly", replacing("chalicelib.ledger.movements.fold", _folded_wrongly)),
    Bug("legs not folded", replacing("chalicelib.payments.capture.post", lambda _: _unfolded)),
    Bug(
        "wrong sign of a leg",
        replacing("chalicelib.refunds.create.move", lambda move: lambda one, other, *more: move(other, one, *more)),
    ),
    Bug("freeze reaches one slice only", _only_the_first_slice),
    # payments
    Bug(
        "hold not released by a final capture",
        replacing("chalicelib.payments.capture.post", _releasing_nothing),
    ),
    Bug(
        "hold not wholly released by a cancel",
        replacing(
            "chalicelib.payments.cancel.release", lambda release: lambda place, _, *more: release(place, 1, *more)
        ),
    ),
    Bug("refund cap dropped", setting(Payment, "refund", _refund_uncapped)),
    Bug("captured after its time", setting(Payment, "_require_hold", _hold_forever)),
    Bug("payee of a hold not looked at", method(f"{WEB}.call.Call", "require_creditable", lambda *_, **__: None)),
    # transfers
    Bug(
        "hold of a transfer not released by its post",
        replacing(f"{MOVEMENTS}.post", _releasing_nothing),
    ),
    Bug("reversal cap dropped", setting(Transfer, "reversible_minor", property(lambda self: self.posted_minor))),
    Bug("posted after its time", setting(Transfer, "_require_time", lambda *_, **__: None)),
    Bug("executed before its time", setting(Transfer, "is_due", lambda self, _: self.due_at is not None)),
    Bug("who only sees a transfer may void it", replacing("chalicelib.transfers.void.own_transfer", _only_seen)),
    Bug("a batch judged by its sums alone", replacing("chalicelib.transfers.batch._side", _judged_by_sums)),
    # keys and answers
    Bug(
        "replay keyed without tenant",
        all_of(
            *[
                replacing(f"{room}.commit_key", lambda key: lambda _, name: key("acme.live", name))
                for room in (f"{WEB}.call", f"{STORE}.commit")
            ]
        ),
    ),
    Bug("keys not a principal's own", replacing(f"{WEB}.call.client_commit_key", lambda _: lambda _, key: f"c//{key}")),
    Bug(
        "replay skips the fingerprint",
        replacing(f"{STORE}.transact._replay", lambda intact: lambda record, _: intact(record, record.fingerprint)),
    ),
    Bug(
        "fingerprint forgets the body",
        replacing(f"{WEB}.serve.fingerprint", lambda intact: lambda request, who, _: intact(request, who, {})),
    ),
    Bug("answer other than the stored one", _recording("st", lambda _: 200)),
    Bug(
        "a replay passed off as new",
        replacing(f"{WEB}.call._reply", lambda old: lambda answer, **_: old(answer, replayed=False)),
    ),
    Bug("decline not remembered", replacing(f"{STORE}.transact.commit", _no_decline)),
    Bug("refused before looking for its own commit", replacing(f"{WEB}.serve._once", _refused_without_looking)),
    # troubles
    Bug("unknown outcome taken for a failure", replacing(f"{STORE}.transact._try_once", _unknown_is_failed)),
    Bug(
        "unknown outcome repeated under another key",
        replacing(f"{STORE}.transact._try_once", _again_under_another_key),
    ),
    Bug(
        "unknown outcome answered as if nothing was done",
        all_of(
            *[
                replacing(f"{module}.gave_up", lambda _: lambda _: Problem(BUSY, "Nothing was done."))
                for module in (f"{STORE}.transact", f"{WEB}.serve")
            ]
        ),
    ),
    Bug("conflict treated as a refusal", replacing(f"{STORE}.transact._judge", _conflict_is_refusal)),
    Bug("stale treated as a refusal", replacing(f"{WEB}.serve._once", _stale_is_refusal)),
    Bug("objects read with eventual consistency", setting(read, "load", _eventual(read.load))),
    # who may
    Bug("a client's status never read again", setting(caller, "STATUS_SECONDS", 1e9)),
    Bug("everybody sees everything", method(f"{WEB}.caller.Caller", "may_see", lambda *_: True)),
    Bug(
        "everybody is an operator where it matters", method(f"{WEB}.caller.Caller", "require_operator", lambda _: None)
    ),
    *PROJECTION_BUGS,
)
