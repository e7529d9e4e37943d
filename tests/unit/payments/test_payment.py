"""The states of a payment, each event against each, and the amounts it may take."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.problems import Problem
from chalicelib.payments.payment import CAPTURE_WINDOW_MS, Payment, PaymentStatus

CREATED_AT = 1_000
BEFORE = Payment(
    id="pay_1",
    status=PaymentStatus.AUTHORIZED,
    amount_minor=100,
    currency="USD",
    payer="payer",
    payee="payee",
    owner="prn_a",
    created_at=CREATED_AT,
    capture_before_at=CREATED_AT + CAPTURE_WINDOW_MS,
)

STATES = {
    "authorized": BEFORE,
    "partially_captured": replace(BEFORE, status=PaymentStatus.PARTIALLY_CAPTURED, captured_minor=40),
    "captured": replace(BEFORE, status=PaymentStatus.CAPTURED, captured_minor=100),
    "captured in part": replace(BEFORE, status=PaymentStatus.CAPTURED, captured_minor=40),
    "refunded": replace(BEFORE, status=PaymentStatus.CAPTURED, captured_minor=100, refunded_minor=100),
    "canceled": replace(BEFORE, status=PaymentStatus.CANCELED),
    "declined": replace(BEFORE, status=PaymentStatus.DECLINED),
    "expired": replace(BEFORE, status=PaymentStatus.EXPIRED),
}

EVENTS = {
    "capture all": lambda payment: payment.capture(None, final=False, now_at=CREATED_AT),
    "capture 10": lambda payment: payment.capture(10, final=False, now_at=CREATED_AT),
    "capture 10, final": lambda payment: payment.capture(10, final=True, now_at=CREATED_AT),
    "capture 60": lambda payment: payment.capture(60, final=False, now_at=CREATED_AT),
    "capture 101": lambda payment: payment.capture(101, final=False, now_at=CREATED_AT),
    "cancel": lambda payment: payment.cancel(),
    "expire": lambda payment: payment.expire(),
    "refund all": lambda payment: payment.refund(None),
    "refund 40": lambda payment: payment.refund(40),
    "refund 101": lambda payment: payment.refund(101),
}

CONFLICT, CAPTURE, REFUND = "state_conflict", "capture_too_large", "refund_too_large"

# Status, captured, refunded and still held afterwards; or the code of the refusal.
TABLE: dict[str, list[object]] = {
    "capture all": [
        ("captured", 100, 0, 0), ("captured", 100, 0, 0), CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "capture 10": [
        ("partially_captured", 10, 0, 90), ("partially_captured", 50, 0, 50),
        CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "capture 10, final": [
        ("captured", 10, 0, 0), ("captured", 50, 0, 0), CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "capture 60": [
        ("partially_captured", 60, 0, 40), ("captured", 100, 0, 0), CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "capture 101": [CAPTURE, CAPTURE, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT],
    "cancel": [
        ("canceled", 0, 0, 0), ("captured", 40, 0, 0), CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "expire": [
        ("expired", 0, 0, 0), ("captured", 40, 0, 0), CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT,
    ],
    "refund all": [
        CONFLICT, ("partially_captured", 40, 40, 60), ("captured", 100, 100, 0), ("captured", 40, 40, 0),
        REFUND, CONFLICT, CONFLICT, CONFLICT,
    ],
    "refund 40": [
        CONFLICT, ("partially_captured", 40, 40, 60), ("captured", 100, 40, 0), ("captured", 40, 40, 0),
        REFUND, CONFLICT, CONFLICT, CONFLICT,
    ],
    "refund 101": [CONFLICT, REFUND, REFUND, REFUND, REFUND, CONFLICT, CONFLICT, CONFLICT],
}  # fmt: skip

ROWS = [
    pytest.param(STATES[state], event, expected, id=f"{state}: {event}")
    for event, row in TABLE.items()
    for state, expected in zip(STATES, row, strict=True)
]


def _apply(payment: Payment, event: str) -> object:
    try:
        after = EVENTS[event](payment)
    except Problem as problem:
        return problem.kind.code
    assert after.version == payment.version + 1
    return (after.status.value, after.captured_minor, after.refunded_minor, after.held_minor)


@pytest.mark.parametrize(("payment", "event", "expected"), ROWS)
def test_every_event_in_every_state(payment: Payment, event: str, expected: object) -> None:
    assert _apply(payment, event) == expected


def test_the_table_is_whole() -> None:
    assert TABLE.keys() == EVENTS.keys()
    assert {payment.status for payment in STATES.values()} == set(PaymentStatus)


@pytest.mark.parametrize(("late_ms", "captured"), [(-1, True), (0, False), (1, False), (10**9, False)])
def test_the_last_moment_to_capture(late_ms: int, captured: bool) -> None:
    now_at = CREATED_AT + CAPTURE_WINDOW_MS + late_ms
    if captured:
        assert BEFORE.capture(None, final=False, now_at=now_at).captured_minor == 100
        return
    with pytest.raises(Problem) as caught:
        BEFORE.capture(None, final=False, now_at=now_at)
    assert caught.value.kind.code == CONFLICT


steps = st.lists(st.tuples(st.sampled_from(["capture", "final", "cancel", "refund"]), st.integers(1, 120)), max_size=12)


@given(steps)
def test_no_sequence_of_events_takes_or_returns_too_much(sequence: list[tuple[str, int]]) -> None:
    payment = BEFORE
    for event, amount in sequence:
        before = payment
        try:
            match event:
                case "cancel":
                    payment = payment.cancel()
                case "refund":
                    payment = payment.refund(amount)
                case _:
                    payment = payment.capture(amount, final=event == "final", now_at=CREATED_AT)
        except Problem:
            continue
        assert payment.version == before.version + 1
        assert 0 <= payment.refunded_minor <= payment.captured_minor <= payment.amount_minor
        assert payment.captured_minor + payment.held_minor <= payment.amount_minor
        assert payment.captured_minor >= before.captured_minor
        assert payment.held_minor <= before.held_minor
