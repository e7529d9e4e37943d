"""The one writer: what a cancellation means in any order, what is replayed, retried, declined or left unknown."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.problems import (
    ACCOUNT_CLOSED,
    ACCOUNT_FROZEN,
    ACCOUNT_NOT_FOUND,
    INSUFFICIENT_FUNDS,
    Kind,
    Problem,
)
from chalicelib.store.commit import Answer, Author, Commit, Effect, Stale
from chalicelib.store.patience import MAXIMUM_TRIES, Patience
from chalicelib.store.port import Cancelled, Equals, Item, Key, Put, Reason, StoreMisuse, Update, Write
from chalicelib.store.transact import Committed, commit, find
from tests.doubles.faulty_dynamo import Fault, FaultyDynamo, Overlay, Plan
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.time_and_chance import HandClock, SeededChance

# As the API reference of TransactWriteItems spells them.
CONDITION_FAILED = "ConditionalCheckFailed"
TRANSIENT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

AUTHOR = Author("demo", "prn_alice", "cl_alice")
ANSWER = Answer(201, b'{"done":true}', 1)
DECLINED = Answer(402, b'{"code":"insufficient_funds"}', 1)
PLACES = [Key("ledger", "p", f"item{number}") for number in range(3)]


_seeds = count()


def _patience(seconds: float = 20, clock: HandClock | None = None) -> Patience:
    """Another request: its tokens are its own."""
    clock = clock or HandClock()
    return Patience(clock, SeededChance(next(_seeds)), clock.elapsed_seconds() + seconds)


def _effect(key: Key, meaning: Kind | type[Stale]) -> Effect:
    """A counter that moves only while its `ok` is true; `meaning` is what it means when it is not."""
    write = Update(key, add={"n": 1}, when=(Equals("ok", value=True),))
    if isinstance(meaning, Kind):
        return Effect(write, lambda _: Problem(meaning, "no"))
    return Effect(write, lambda _: Stale())


def _wanted(*meanings: Kind | type[Stale], **changes: object) -> Commit:
    effects = tuple(_effect(key, meaning) for key, meaning in zip(PLACES, meanings, strict=False))
    plain = Commit(AUTHOR, "c/k", b"f" * 32, "op", 1, ANSWER, (), effects)
    return replace(plain, **changes)  # type: ignore[arg-type]


def _remembering(wanted: Commit) -> Commit:
    """The commit with a decline that leaves a mark of its own."""
    mark = Effect(Put(Key("ledger", "p", "declined"), {"n": 1}), lambda _: Stale())
    declined = replace(wanted, answer=DECLINED, effects=(mark,))
    return replace(wanted, declined=lambda _: declined)


def _store(*plans: Plan, ok: Sequence[bool] = (True, True, True)) -> FaultyDynamo:
    memory = MemoryDynamo()
    for key, good in zip(PLACES, ok, strict=True):
        memory.seed(key, {"ok": good, "n": 0})
    return FaultyDynamo(memory, transacts=plans)


def _counts(store: FaultyDynamo) -> list[object]:
    return [store.inner.items[key]["n"] for key in PLACES]


def _refused(store: FaultyDynamo, wanted: Commit, patience: Patience | None = None) -> str:
    with pytest.raises(Problem) as caught:
        commit(store, wanted, patience or _patience())
    return caught.value.kind.code


# What one cancellation means, whatever else it says.

CODES = st.sampled_from([None, CONDITION_FAILED, *sorted(TRANSIENT)])
MEANINGS = st.sampled_from([ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, INSUFFICIENT_FUNDS, Stale])
FAULTY_CODES = st.lists(CODES, min_size=4, max_size=4).filter(any)


@dataclass
class OneCancellation:
    """A store that cancels once with the given reasons and then takes everything."""

    reasons: Sequence[Reason]
    sent: list[Sequence[Write]] = field(default_factory=list)

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        self.sent.append(writes)
        if len(self.sent) == 1:
            raise Cancelled(self.reasons)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        raise AssertionError("the cancellation says all there is to know")

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        raise AssertionError("the writer reads no items at once")

    def query(self, *_: object, **__: object) -> list[Item]:
        raise AssertionError("the writer reads no lists")


def _stored(answer: Answer, fingerprint: bytes = b"f" * 32) -> Item:
    put = Commit(AUTHOR, "c/k", fingerprint, "op", 1, answer, (), ()).writes()[0]
    assert isinstance(put, Put)
    return put.attributes


def _outcome(store: OneCancellation, wanted: Commit) -> object:
    try:
        return commit(store, wanted, _patience())
    except Problem as problem:
        return problem.kind
    except Stale:
        return Stale


@given(FAULTY_CODES, st.lists(MEANINGS, min_size=3, max_size=3), st.booleans())
def test_reasons_have_an_order(codes: list[str | None], meanings: list[Kind | type[Stale]], same: bool) -> None:
    """Commit record > conflict or throttle > business (moved on > refusal > decline), wherever each stands."""
    record = _stored(ANSWER, b"f" * 32 if same else b"g" * 32)
    store = OneCancellation([Reason(codes[0], record), *(Reason(code) for code in codes[1:])])
    outcome = _outcome(store, _wanted(*meanings))
    failed = {meaning for code, meaning in zip(codes[1:], meanings, strict=True) if code == CONDITION_FAILED}
    if codes[0] == CONDITION_FAILED:
        assert outcome == Committed(ANSWER, replayed=True) if same else getattr(outcome, "status", 0) == 422
        assert len(store.sent) == 1
    elif TRANSIENT & set(codes):
        assert outcome == Committed(ANSWER, replayed=False), "a throttle is no answer: it is tried again"
        assert len(store.sent) == 2
    elif Stale in failed:
        assert outcome is Stale
    else:
        refusals = failed - {INSUFFICIENT_FUNDS}
        assert outcome in (refusals or {INSUFFICIENT_FUNDS})


@given(st.permutations([None, CONDITION_FAILED, "TransactionConflict"]))
def test_a_throttle_never_becomes_a_decline(codes: list[str | None]) -> None:
    store = OneCancellation([Reason(None), *map(Reason, codes)])
    assert _outcome(store, _remembering(_wanted(*[INSUFFICIENT_FUNDS] * 3))) == Committed(ANSWER, replayed=False)
    assert [len(writes) for writes in store.sent] == [4, 4], "the decline was never sent"


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"])
def test_what_only_a_fault_of_ours_can_cause(code: str) -> None:
    with pytest.raises(StoreMisuse):
        commit(OneCancellation([Reason(None), Reason(code)]), _wanted(Stale), _patience())


def test_a_fault_of_ours_does_not_hide_a_replay() -> None:
    store = OneCancellation([Reason(CONDITION_FAILED, _stored(ANSWER)), Reason("ValidationError")])
    assert _outcome(store, _wanted(Stale)) == Committed(ANSWER, replayed=True)


# Replays.


def test_a_replay_comes_out_of_the_cancellation() -> None:
    store = _store()
    assert commit(store, _wanted(Stale), _patience()) == Committed(ANSWER, replayed=False)
    store.reset_counters()
    assert commit(store, _wanted(Stale), _patience()) == Committed(ANSWER, replayed=True)
    assert store.round_trips == {"transact": 1}
    assert _counts(store) == [1, 0, 0]


def test_a_replay_does_not_depend_on_todays_state() -> None:
    store = _store()
    commit(store, _wanted(ACCOUNT_CLOSED), _patience())
    store.inner.seed(PLACES[0], {"ok": False, "n": 1})
    assert commit(store, _wanted(ACCOUNT_CLOSED), _patience()).replayed


def test_an_engine_that_keeps_the_record_to_itself_is_asked() -> None:
    """moto and older engines give no item beside the reason: one read more, the same answer."""
    memory = _store()
    commit(memory, _wanted(Stale), _patience())

    class Silent(FaultyDynamo):
        def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
            try:
                super().transact(writes, token=token, timeout_seconds=timeout_seconds)
            except Cancelled as cancelled:
                raise Cancelled([Reason(reason.code) for reason in cancelled.reasons]) from None

    store = Silent(memory.inner)
    assert commit(store, _wanted(Stale), _patience()) == Committed(ANSWER, replayed=True)
    assert store.round_trips == {"transact": 1, "get": 1}


def test_the_key_of_another_request() -> None:
    store = _store()
    commit(store, _wanted(Stale), _patience())
    assert _refused(store, _wanted(Stale, fingerprint=b"g" * 32)) == "idempotency_key_reused"
    assert _counts(store) == [1, 0, 0]


def test_finding_what_a_key_has_done() -> None:
    store = _store()
    wanted = _wanted(Stale)
    assert find(store, wanted.record_key, wanted.fingerprint) is None
    commit(store, wanted, _patience())
    assert find(store, wanted.record_key, wanted.fingerprint) == Committed(ANSWER, replayed=True)
    with pytest.raises(Problem) as caught:
        find(store, wanted.record_key, b"g" * 32)
    assert caught.value.param == "Idempotency-Key"


# Trying again.


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.THROTTLED, Fault.UNREACHABLE, Fault.LOST_BEFORE])
def test_what_was_not_done_is_tried_again(fault: Fault) -> None:
    store = _store(fault, fault, None)
    assert commit(store, _wanted(Stale), _patience()) == Committed(ANSWER, replayed=False)
    assert _counts(store) == [1, 0, 0]
    assert store.tokens == [None] * 3, "the record alone makes a repetition harmless"


def test_what_was_done_unseen_is_replayed() -> None:
    store = _store(Fault.LOST_AFTER)
    assert commit(store, _wanted(Stale), _patience()) == Committed(ANSWER, replayed=True)
    assert _counts(store) == [1, 0, 0]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.CONFLICT, "busy"),
        (Fault.THROTTLED, "busy"),
        (Fault.UNREACHABLE, "busy"),
        (Fault.LOST_BEFORE, "outcome_unknown"),
        (Fault.LOST_AFTER, "outcome_unknown"),
    ],
)
def test_giving_up_says_how_it_stands(fault: Fault, code: str) -> None:
    others = Fault.UNREACHABLE if fault is Fault.LOST_AFTER else fault
    store = _store(fault, *[others] * 50)
    assert _refused(store, _wanted(Stale)) == code
    assert sum(store.faults.values()) == MAXIMUM_TRIES
    assert _counts(store) == [int(fault is Fault.LOST_AFTER), 0, 0]


def test_one_unknown_try_among_many_is_enough_to_be_unsure() -> None:
    store = _store(Fault.CONFLICT, Fault.LOST_BEFORE, *[Fault.CONFLICT] * 50)
    assert _refused(store, _wanted(Stale)) == "outcome_unknown"


def test_no_time_left_means_no_further_try() -> None:
    store = _store(*[Fault.CONFLICT] * 50)
    assert _refused(store, _wanted(Stale), _patience(seconds=0)) == "busy"
    assert store.round_trips == {"transact": 1}


def test_every_call_ends_inside_the_deadline() -> None:
    seen: list[float] = []

    class Watching(FaultyDynamo):
        def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
            seen.append(timeout_seconds)
            clock.move(timeout_seconds)
            super().transact(writes, token=token, timeout_seconds=timeout_seconds)

    clock = HandClock()
    patience = _patience(7, clock)
    assert _refused(Watching(transacts=[Fault.LOST_BEFORE] * 9), _wanted(Stale), patience) == "outcome_unknown"
    assert seen[0] == 5
    assert sum(seen) + sum(clock.waited_seconds) <= 7.1


# Refusals and declines.


@pytest.mark.parametrize("before", [(), (Fault.CONFLICT,), (Fault.THROTTLED, Fault.UNREACHABLE)])
def test_a_refusal_that_is_certain(before: tuple[Fault, ...]) -> None:
    store = _store(*before, ok=(False, True, True))
    assert _refused(store, _wanted(ACCOUNT_CLOSED)) == "account_closed"
    assert find(store, _wanted().record_key, b"f" * 32) is None


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_a_refusal_after_an_unknown_try_is_not_certain(fault: Fault) -> None:
    """The try that nobody heard of may still arrive, so "not done" would be a guess."""
    store = _store(fault, ok=(False, True, True))
    assert _refused(store, _wanted(ACCOUNT_CLOSED)) == "outcome_unknown"


def test_key_reuse_is_certain_even_then() -> None:
    store = _store()
    commit(store, _wanted(Stale), _patience())
    store.transacts.append(Fault.LOST_BEFORE)
    assert _refused(store, _wanted(Stale, fingerprint=b"g" * 32)) == "idempotency_key_reused"


def test_moved_on_is_told_and_nothing_is_written() -> None:
    store = _store(ok=(False, True, True))
    with pytest.raises(Stale):
        commit(store, _wanted(Stale, ACCOUNT_CLOSED), _patience())
    assert _counts(store) == [0, 0, 0]


@pytest.mark.parametrize("kind", [INSUFFICIENT_FUNDS, ACCOUNT_FROZEN])
def test_a_decline_is_a_commit_of_its_own(kind: Kind) -> None:
    store = _store(ok=(True, False, True))
    wanted = _remembering(_wanted(Stale, kind))
    assert commit(store, wanted, _patience()) == Committed(DECLINED, replayed=False)
    assert store.round_trips == {"transact": 2}
    assert _counts(store) == [0, 0, 0]
    store.inner.seed(PLACES[1], {"ok": True, "n": 0})
    assert commit(store, wanted, _patience()) == Committed(DECLINED, replayed=True)
    assert _counts(store) == [0, 0, 0], "the funds that came later change nothing"


def test_a_decline_without_a_commit_of_its_own_is_a_refusal() -> None:
    assert _refused(_store(ok=(False, True, True)), _wanted(INSUFFICIENT_FUNDS)) == "insufficient_funds"


def test_a_refusal_goes_before_a_decline() -> None:
    store = _store(ok=(False, False, True))
    assert _refused(store, _remembering(_wanted(INSUFFICIENT_FUNDS, ACCOUNT_CLOSED))) == "account_closed"
    assert find(store, _wanted().record_key, b"f" * 32) is None


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.THROTTLED, Fault.LOST_BEFORE, Fault.UNREACHABLE])
def test_a_decline_is_written_after_trouble(fault: Fault) -> None:
    store = _store(None, fault, ok=(False, True, True))
    assert commit(store, _remembering(_wanted(INSUFFICIENT_FUNDS)), _patience()).answer == DECLINED
    assert store.inner.items[Key("ledger", "p", "declined")]["n"] == 1


def test_a_decline_that_was_done_unseen_is_replayed() -> None:
    store = _store(None, Fault.LOST_AFTER, ok=(False, True, True))
    done = commit(store, _remembering(_wanted(INSUFFICIENT_FUNDS)), _patience())
    assert done == Committed(DECLINED, replayed=True)


def test_a_decline_after_an_unknown_try_is_certain() -> None:
    """The decline's record excludes the try that may still arrive."""
    store = _store(Fault.LOST_BEFORE, ok=(False, True, True))
    assert commit(store, _remembering(_wanted(INSUFFICIENT_FUNDS)), _patience()).answer == DECLINED


class Racing(FaultyDynamo):
    """Something else happens right before the transactions named."""

    def __init__(self, inner: MemoryDynamo, events: dict[int, Callable[[], object]]) -> None:
        super().__init__(inner)
        self.events = deque(events.get(number) for number in range(1, 9))

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        event = self.events.popleft()
        if event:
            event()
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)


def test_a_decline_that_loses_its_race_replays_the_winner() -> None:
    """Between the refusal and the decline the funds arrived, and the same key's other request paid."""
    memory = _store(ok=(False, True, True)).inner
    wanted = _remembering(_wanted(INSUFFICIENT_FUNDS))

    def win() -> None:
        memory.seed(PLACES[0], {"ok": True, "n": 0})
        assert not commit(FaultyDynamo(memory), wanted, _patience()).replayed

    done = commit(Racing(memory, {2: win}), wanted, _patience())
    assert done == Committed(ANSWER, replayed=True)
    assert Key("ledger", "p", "declined") not in memory.items


def test_two_of_one_key_have_one_effect() -> None:
    memory = _store().inner
    wanted = _wanted(Stale)
    racing = Racing(memory, {1: lambda: commit(FaultyDynamo(memory), wanted, _patience())})
    assert commit(racing, wanted, _patience()) == Committed(ANSWER, replayed=True)
    assert memory.items[PLACES[0]]["n"] == 1


def test_a_conflict_beside_the_own_record_is_a_replay() -> None:
    store = _store()
    commit(store, _wanted(Stale, Stale), _patience())
    store.transacts.append(Overlay({1: "TransactionConflict", 2: "ThrottlingError"}))
    store.reset_counters()
    assert commit(store, _wanted(Stale, Stale), _patience()).replayed
    assert store.round_trips == {"transact": 1}
