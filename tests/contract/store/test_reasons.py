"""Why a transaction was cancelled: one reason for each write, in order, with the items that stood in the way."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from chalicelib.store.port import (
    Absent,
    AtLeast,
    Cancelled,
    Delete,
    Dynamo,
    Equals,
    Exists,
    Key,
    OutcomeUnknown,
    Put,
    Reason,
    StoreMisuse,
    Throttled,
    Update,
    Value,
    Write,
)

Commit = Callable[..., None]
MakeKey = Callable[..., Key]

FAILED = "ConditionalCheckFailed"


def _reasons(commit: Commit, *writes: Write) -> tuple[Reason, ...]:
    with pytest.raises(Cancelled) as caught:
        commit(*writes)
    return caught.value.reasons


def _payment(key: MakeKey, request: str, payment: str, amount: int) -> list[Write]:
    """A commit as the ledger makes it: record, state and two balances."""
    record: dict[str, Value] = {
        "fingerprint": b"\x01\x02",
        "answer": b"\xff" * 40,
        "legs": [{"a": "payer", "n": -amount}],
    }
    return [
        Put(key(request, "commits"), record, when=(Absent(),)),
        Put(key(payment), {"status": "captured", "version": 1, "amount": amount}, when=(Absent(),)),
        Update(
            key("payer"),
            add={"posted": -amount, "spendable": -amount, "seq": 1},
            set={"last": request},
            when=(Equals("currency", "USD"), AtLeast("spendable", amount)),
        ),
        Update(key("payee"), add={"posted": amount, "seq": 1}, when=(Equals("currency", "USD"),)),
    ]


@pytest.fixture
def _funded(commit: Commit, key: MakeKey) -> None:
    commit(
        Put(key("payer"), {"currency": "USD", "posted": 100, "spendable": 100, "seq": 0}),
        Put(key("payee"), {"currency": "USD", "posted": 0, "seq": 0}),
    )


@pytest.mark.usefixtures("_funded")
def test_a_commit_moves_everything(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(*_payment(key, "c/1", "p1", 60))
    assert (store.get(key("payer")) or {})["spendable"] == 40
    assert (store.get(key("payee")) or {})["posted"] == 60


@pytest.mark.usefixtures("_funded")
def test_a_replay_finds_the_first_commit_in_the_cancellation(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(*_payment(key, "c/1", "p1", 10))
    first = store.get(key("c/1", "commits"))
    reasons = _reasons(commit, *_payment(key, "c/1", "p2", 10))
    assert [reason.code for reason in reasons] == [FAILED, None, None, None]
    assert reasons[0].item == first


@pytest.mark.usefixtures("_funded")
def test_a_replay_finds_it_also_when_the_funds_are_gone(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(*_payment(key, "c/1", "p1", 60))
    reasons = _reasons(commit, *_payment(key, "c/1", "p1", 60))
    assert [reason.code for reason in reasons] == [FAILED, FAILED, FAILED, None]
    assert reasons[0].item == store.get(key("c/1", "commits"))
    assert reasons[1].item == store.get(key("p1"))
    assert reasons[2].item == store.get(key("payer"))
    assert reasons[3].item is None


@pytest.mark.usefixtures("_funded")
def test_a_decline_shows_the_balance_and_writes_nothing(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    reasons = _reasons(commit, *_payment(key, "c/1", "p1", 101))
    assert [reason.code for reason in reasons] == [None, None, FAILED, None]
    assert (reasons[2].item or {})["spendable"] == 100
    assert store.get(key("c/1", "commits")) is None
    assert store.get(key("p1")) is None
    assert (store.get(key("payee")) or {})["posted"] == 0


@pytest.mark.usefixtures("_funded")
def test_a_decline_is_committed_alone_and_replayed_like_any_other(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(
        Put(key("c/1", "commits"), {"answer": b"402"}, when=(Absent(),)),
        Put(key("p1"), {"status": "declined", "version": 1}, when=(Absent(),)),
    )
    reasons = _reasons(commit, *_payment(key, "c/1", "p1", 5))
    assert [reason.code for reason in reasons] == [FAILED, FAILED, None, None]
    assert (reasons[0].item or {})["answer"] == b"402"
    assert (store.get(key("payer")) or {})["spendable"] == 100


@pytest.mark.usefixtures("_funded")
def test_a_retried_capture_is_told_from_a_second_one_by_its_record(commit: Commit, key: MakeKey) -> None:
    def capture(request: str) -> list[Write]:
        return [
            Put(key(request, "commits"), {"answer": b"captured"}, when=(Absent(),)),
            Update(
                key("p1"),
                set={"status": "captured"},
                add={"version": 1},
                when=(Equals("version", 1), Equals("status", "authorised")),
            ),
            Update(key("payee"), add={"posted": 10, "seq": 1}, when=(Equals("currency", "USD"),)),
        ]

    commit(Put(key("p1"), {"status": "authorised", "version": 1}))
    commit(*capture("c/1"))
    retried = _reasons(commit, *capture("c/1"))
    second = _reasons(commit, *capture("c/2"))
    assert [reason.code for reason in retried] == [FAILED, FAILED, None]
    assert (retried[0].item or {})["answer"] == b"captured"
    assert [reason.code for reason in second] == [None, FAILED, None]
    assert (second[1].item or {})["status"] == "captured"


def test_reasons_keep_the_order_of_the_writes(commit: Commit, key: MakeKey) -> None:
    names = [f"{number:02}" for number in range(40)]
    commit(*[Put(key(name), {"n": int(name)}) for name in names[::2]])
    wanted = sorted(names, key=lambda name: name[::-1])
    reasons = _reasons(commit, *[Put(key(name), {"n": -1}, when=(Absent(),)) for name in wanted])
    taken = [int(name) % 2 == 0 for name in wanted]
    assert [reason.code for reason in reasons] == [FAILED if there else None for there in taken]
    assert [(reason.item or {}).get("sk") for reason in reasons] == [
        name if there else None for name, there in zip(wanted, taken, strict=True)
    ]


def test_a_missing_item_fails_without_an_item(commit: Commit, key: MakeKey) -> None:
    reasons = _reasons(commit, Update(key("ghost"), add={"n": 1}, when=(Exists(),)), Delete(key("x"), when=(Exists(),)))
    assert reasons == (Reason(FAILED), Reason(FAILED))


def test_adding_to_what_is_no_number_is_the_reason_of_that_write(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"n": "text"}))
    reasons = _reasons(
        commit,
        Update(key("b"), add={"n": 1}),
        Update(key("a"), add={"n": 1}),
        Update(key("ghost"), add={"n": 1}, when=(Exists(),)),
    )
    assert [reason.code for reason in reasons] == [None, "ValidationError", FAILED]
    assert store.get(key("b")) is None


def test_a_token_has_one_effect(store: Dynamo, commit: Commit, key: MakeKey, token: Callable[[], str]) -> None:
    mine = token()
    for _ in range(3):
        commit(Update(key("a"), add={"n": 1}), using=mine)
    assert (store.get(key("a")) or {})["n"] == 1


def test_a_token_is_not_for_other_writes(store: Dynamo, commit: Commit, key: MakeKey, token: Callable[[], str]) -> None:
    mine = token()
    commit(Update(key("a"), add={"n": 1}), using=mine)
    with pytest.raises(StoreMisuse):
        commit(Update(key("a"), add={"n": 2}), using=mine)
    assert (store.get(key("a")) or {})["n"] == 1


def test_the_token_of_a_cancelled_transaction_may_be_used_again(
    store: Dynamo, commit: Commit, key: MakeKey, token: Callable[[], str]
) -> None:
    mine = token()
    write = Update(key("a"), add={"n": 1}, when=(Exists(),))
    with pytest.raises(Cancelled):
        commit(write, using=mine)
    commit(Put(key("a"), {"n": 0}))
    commit(write, using=mine)
    assert (store.get(key("a")) or {})["n"] == 1


def test_fifty_threads_with_one_key_have_one_effect(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("payer"), {"currency": "USD", "spendable": 10_000, "posted": 10_000}))
    commit(Put(key("payee"), {"currency": "USD", "posted": 0}))
    gate, outcomes = Barrier(50), list[str]()

    def attempt(number: int) -> None:
        gate.wait()
        try:
            commit(*_payment(key, "c/1", f"p{number}", 7))
        except Cancelled as cancelled:
            first = cancelled.reasons[0]
            outcomes.append("replayed" if first.code == FAILED and first.item else "lost")
        except (Throttled, OutcomeUnknown) as failure:
            outcomes.append(repr(failure))
        else:
            outcomes.append("done")

    threads = [Thread(target=attempt, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done"] + ["replayed"] * 49
    assert (store.get(key("payee")) or {})["posted"] == 7
    assert len(store.query("ledger", key("").pk, after="p", before="p~", limit=100)) == 3
