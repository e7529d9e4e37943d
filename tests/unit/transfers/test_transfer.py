"""The states of a transfer, each event against each, and the amounts it may take."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.problems import Problem
from chalicelib.transfers import transfer as noun
from chalicelib.transfers.transfer import Transfer, TransferEvent, TransferStatus

NOW_AT = 1_000
HELD = Transfer(
    id="tr_1",
    status=TransferStatus.HELD,
    source="source",
    destination="destination",
    amount_minor=100,
    currency="USD",
    owner="prn_a",
    created_at=NOW_AT,
    expires_at=NOW_AT + 1,
)
POSTED = replace(HELD, status=TransferStatus.POSTED, posted_minor=100)

STATES = {
    "held": HELD,
    "its time over": replace(HELD, expires_at=NOW_AT),
    "scheduled": replace(HELD, status=TransferStatus.SCHEDULED, expires_at=None, scheduled_for_at=NOW_AT + 1),
    "due": replace(HELD, status=TransferStatus.SCHEDULED, expires_at=None, scheduled_for_at=NOW_AT),
    "posted": POSTED,
    "posted in part": replace(POSTED, posted_minor=40),
    "reversed": replace(POSTED, reversed_minor=100),
    "voided": replace(HELD, status=TransferStatus.VOIDED),
    "expired": replace(HELD, status=TransferStatus.EXPIRED),
    "canceled": replace(HELD, status=TransferStatus.CANCELED),
    "declined": replace(HELD, status=TransferStatus.DECLINED),
}

EVENTS: dict[str, Callable[[Transfer], Transfer]] = {
    "post all": lambda transfer: transfer.post(None, now_at=NOW_AT),
    "post 60": lambda transfer: transfer.post(60, now_at=NOW_AT),
    "post 101": lambda transfer: transfer.post(101, now_at=NOW_AT),
    "void": lambda transfer: transfer.void(now_at=NOW_AT),
    "expire": lambda transfer: transfer.expire(),
    "execute": lambda transfer: transfer.execute(),
    "decline": lambda transfer: transfer.decline("insufficient_funds"),
    "reverse all": lambda transfer: transfer.reverse(None),
    "reverse 40": lambda transfer: transfer.reverse(40),
    "reverse 41": lambda transfer: transfer.reverse(41),
    "reverse 101": lambda transfer: transfer.reverse(101),
}

NO, POST, REVERSE = "state_conflict", "post_too_large", "reversal_too_large"
RESOLVED = [NO, NO, NO, NO]

# Status, posted and reversed afterwards, or the code of the refusal; one column per state.
TABLE: dict[str, list[object]] = {
    "post all": [("posted", 100, 0), NO, NO, NO, NO, NO, NO, *RESOLVED],
    "post 60": [("posted", 60, 0), NO, NO, NO, NO, NO, NO, *RESOLVED],
    "post 101": [POST, NO, NO, NO, NO, NO, NO, *RESOLVED],
    "void": [("voided", 0, 0), NO, ("canceled", 0, 0), ("canceled", 0, 0), NO, NO, NO, *RESOLVED],
    "expire": [("expired", 0, 0), ("expired", 0, 0), NO, NO, NO, NO, NO, *RESOLVED],
    "execute": [NO, NO, ("posted", 100, 0), ("posted", 100, 0), NO, NO, NO, *RESOLVED],
    "decline": [NO, NO, ("declined", 0, 0), ("declined", 0, 0), NO, NO, NO, *RESOLVED],
    "reverse all": [NO, NO, NO, NO, ("posted", 100, 100), ("posted", 40, 40), REVERSE, *RESOLVED],
    "reverse 40": [NO, NO, NO, NO, ("posted", 100, 40), ("posted", 40, 40), REVERSE, *RESOLVED],
    "reverse 41": [NO, NO, NO, NO, ("posted", 100, 41), REVERSE, REVERSE, *RESOLVED],
    "reverse 101": [NO, NO, NO, NO, REVERSE, REVERSE, REVERSE, *RESOLVED],
}

ROWS = [(event, state, wanted) for event, row in TABLE.items() for state, wanted in zip(STATES, row, strict=True)]


@pytest.mark.parametrize(("event", "state", "wanted"), ROWS, ids=[f"{event} when {state}" for event, state, _ in ROWS])
def test_each_event_in_each_state(event: str, state: str, wanted: object) -> None:
    before = STATES[state]
    try:
        after = EVENTS[event](before)
    except Problem as refusal:
        assert refusal.kind.code == wanted
        return
    assert (after.status.value, after.posted_minor, after.reversed_minor) == wanted
    assert after.version == before.version + 1
    assert after.held_minor == 0


def test_the_rows_are_all_there() -> None:
    assert TABLE.keys() == EVENTS.keys()
    assert {event.partition(" ")[0] for event in EVENTS} == set(TransferEvent)
    assert {transfer.status for transfer in STATES.values()} == set(TransferStatus)


def test_the_table_that_is_shown_is_the_table() -> None:
    head, _, *lines = [line for line in (noun.__doc__ or "").splitlines() if line.startswith("|")]
    events = [cell.strip() for cell in head.strip("|").split("|")][1:]
    shown: dict[tuple[str, str], str] = {}
    for line in lines:
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for status in first.split(", "):
            shown |= {(status, event): cell for event, cell in zip(events, cells, strict=True) if cell}
    assert shown == noun._NEXT


@pytest.mark.parametrize(
    ("state", "due_at"), [("held", NOW_AT + 1), ("scheduled", NOW_AT + 1), ("posted", None), ("voided", None)]
)
def test_when_something_happens_by_itself(state: str, due_at: int | None) -> None:
    transfer = STATES[state]
    assert transfer.due_at == due_at
    assert not transfer.is_due(NOW_AT)
    assert transfer.is_due(NOW_AT + 1) is (due_at is not None)


@given(st.lists(st.integers(1, 60)))
def test_whatever_is_reversed_it_is_never_more_than_was_posted(amounts: list[int]) -> None:
    transfer = POSTED
    for amount in amounts:
        left = transfer.reversible_minor
        try:
            transfer = transfer.reverse(amount)
        except Problem:
            assert amount > left
    assert 0 <= transfer.reversed_minor <= transfer.posted_minor
