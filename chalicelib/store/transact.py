"""The only function that writes the ledger: it takes a Commit to its end and owns idempotency.

What a cancelled transaction means is read in this order:

1. the record's own condition failed: this key has been used; replay its answer, or refuse another request;
2. a conflict or a throttle among the reasons: nothing is known about the business, try again;
3. the conditions of the business: somebody moved the object on (decide anew), or a refusal.

A throttle therefore never becomes a business answer, and a replay never depends on today's balances. After a
try whose outcome is unknown only two things are certain: a record that is found, and a commit that succeeds.
"""

from dataclasses import dataclass
from typing import Final

from chalicelib.kernel.problems import (
    BUSY,
    IDEMPOTENCY_KEY_REUSED,
    OUTCOME_UNKNOWN,
    Problem,
)
from chalicelib.store.commit import Answer, Commit, Record, Stale, read_record
from chalicelib.store.patience import Patience
from chalicelib.store.port import (
    Cancelled,
    Dynamo,
    Key,
    OutcomeUnknown,
    Reason,
    StoreMisuse,
    Throttled,
    Unreachable,
)

CONDITION_FAILED: Final = "ConditionalCheckFailed"
TRANSIENT: Final = frozenset(
    {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
    }
)


@dataclass(frozen=True, slots=True)
class Committed:
    """The answer of a commit that has taken effect, now or earlier."""

    answer: Answer
    replayed: bool


def commit(dynamo: Dynamo, wanted: Commit, patience: Patience) -> Committed:
    """Make the commit take effect exactly once and return its answer.

    Raises Stale when the object has moved on (decide anew), Problem for a refusal, for another request
    under the same key (422), and for a ledger that is busy or silent (503).
    """
    while True:
        try:
            return _try_once(dynamo, wanted, patience)
        except (Throttled, Unreachable):
            pass
        except OutcomeUnknown:
            patience.unknown = True
        except Problem as refusal:
            if not (refusal.kind.declines and wanted.declined):
                raise _certain(refusal, patience) from None
            wanted = wanted.declined(refusal)
            continue
        if not patience.again():
            raise gave_up(patience)


def find(dynamo: Dynamo, key: Key, fingerprint: bytes) -> Committed | None:
    """Return what the key has already done, None if nothing; raise 422 if it was another request."""
    item = dynamo.get(key, consistent=True)
    return None if item is None else _replay(read_record(item), fingerprint)


def gave_up(patience: Patience) -> Problem:
    """Say honestly how it stands when no time is left."""
    if patience.unknown:
        return Problem(OUTCOME_UNKNOWN, "The ledger did not answer in time.")
    return Problem(BUSY, "The ledger did not take the write in time; nothing was done.")


def _try_once(dynamo: Dynamo, wanted: Commit, patience: Patience) -> Committed:
    try:
        # Without a ClientRequestToken: the record's own condition is what makes a repetition harmless, for ever.
        dynamo.transact(wanted.writes(), timeout_seconds=patience.call_seconds())
    except Cancelled as cancelled:
        return _judge(dynamo, wanted, cancelled.reasons)
    return Committed(wanted.answer, replayed=False)


def _judge(dynamo: Dynamo, wanted: Commit, reasons: tuple[Reason, ...]) -> Committed:
    if reasons[0].code == CONDITION_FAILED:
        return _used_before(dynamo, wanted, reasons[0])
    codes = {reason.code for reason in reasons} - {None, CONDITION_FAILED}
    if codes & TRANSIENT:
        raise Throttled(", ".join(sorted(code for code in codes if code)))
    if codes:
        raise StoreMisuse(f"the ledger refused the write itself: {codes}")
    raise _refusal(wanted, reasons[1:])


def _used_before(dynamo: Dynamo, wanted: Commit, reason: Reason) -> Committed:
    if reason.item is not None:
        return _replay(read_record(reason.item), wanted.fingerprint)
    found = find(dynamo, wanted.record_key, wanted.fingerprint)
    assert found is not None, "a commit record vanished: records are never deleted"
    return found


def _replay(record: Record, fingerprint: bytes) -> Committed:
    if record.fingerprint != fingerprint:
        raise Problem(
            IDEMPOTENCY_KEY_REUSED,
            "This key was used for a request with another method, path, body or principal.",
            param="Idempotency-Key",
        )
    return Committed(record.answer, replayed=True)


def _refusal(wanted: Commit, reasons: tuple[Reason, ...]) -> Problem | Stale:
    """Return the most decisive refusal of the business.

    Stale ends the search: once an object has moved on, the conditions that were derived from it mean nothing,
    and explaining them would. A decline comes last, for it makes an object; of a batch the first transfer is named.
    """
    found: list[Problem] = []
    for effect, reason in zip(wanted.effects, reasons, strict=True):
        if reason.code == CONDITION_FAILED:
            refusal = effect.explain(reason.item)
            if isinstance(refusal, Stale):
                return refusal
            found.append(refusal)
    return min(found, key=lambda problem: (problem.kind.declines, problem.index or 0))


def _certain(refusal: Problem, patience: Patience) -> Problem:
    """After a try of unknown outcome a refusal may be wrong by the time it is read: say so instead.

    Key reuse stands: the record that proves it was there.
    """
    if patience.unknown and refusal.kind is not IDEMPOTENCY_KEY_REUSED:
        return gave_up(patience)
    return refusal
