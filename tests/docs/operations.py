"""Every operation that writes, in each way that costs something else: what docs/data-model.md says is found by these."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.store.patience import Patience
from chalicelib.transfers.due import happen
from chalicelib.web.internal import Happens, internal_call
from tests.doubles.platform import Response
from tests.doubles.small_ledger import BOB, ELSEWHERE, OPERATOR, TENANT, SmallLedger
from tests.doubles.verbs import VERBS, Verb

METADATA: Final = {"order": "2026-11-0042", "basket": "x" * 100}
HUGE_MINOR: Final = 10**9

Send = Callable[[str], object]
"""Sends the request under a key."""

Arrange = Callable[[SmallLedger], Send]


@dataclass(frozen=True, slots=True)
class Operation:
    """`arrange` makes what is needed and returns the request; `how` tells it from others of its name."""

    name: str
    how: str
    arrange: Arrange

    @property
    def told(self) -> str:
        """The operation as the page has it."""
        return f"`{self.name}` {self.how}".strip()


def _verb(verb: Verb) -> Operation:
    name, _, how = verb.name.partition(" ")

    def arrange(ledger: SmallLedger) -> Send:
        sending = verb.arrange(ledger)
        return lambda key: sending.send(ledger, key)

    return Operation(name, how, arrange)


def _opened(kind: str) -> Arrange:
    body = {"kind": kind, "currency": "USD"}
    return lambda ledger: lambda key: ledger.post(OPERATOR, "/v1/accounts", body, key=key)


def _paid(**changes: Any) -> Arrange:
    return lambda ledger: lambda key: ledger.pay(key=key, **changes)


def _moved(**changes: Any) -> Arrange:
    return lambda ledger: lambda key: ledger.transfer(key=key, **changes)


def _wallet(**settings: Any) -> Arrange:
    return lambda ledger: lambda key: _patched(ledger, ledger.alice, settings, key)


def _shop(**settings: Any) -> Arrange:
    return lambda ledger: lambda key: _patched(ledger, ledger.shop, settings, key)


def _patched(ledger: SmallLedger, account: str, settings: Any, key: str) -> Response:
    done = ledger.patch(OPERATOR, f"/v1/accounts/{account}", settings, key=key)
    assert done.status == 200, done
    return done


def _fee(ledger: SmallLedger) -> Send:
    rule = {"basis_points": 290, "fixed": 30, "account": ledger.open(OPERATOR, "platform")}
    return lambda key: _patched(ledger, ledger.shop, {"fee": rule}, key)


def _fee_paid(ledger: SmallLedger) -> Send:
    """The first payment after the fee was set is refused once, which is how the environment learns of it."""
    _fee(ledger)("fee")
    ledger.made(ledger.pay())
    return lambda key: ledger.pay(amount=1250, key=key)


def _canceled(ledger: SmallLedger) -> Send:
    payment = ledger.authorize(reference="order-1")
    return lambda key: ledger.step(payment, "cancel", key=key)


def _captured_in_part(ledger: SmallLedger) -> Send:
    payment = ledger.authorize()
    return lambda key: ledger.step(payment, "capture", amount=40, key=key)


def _called_off(ledger: SmallLedger) -> Send:
    transfer = _scheduled(ledger)
    return lambda key: ledger.turn(transfer, "void", key=key)


def _refused_refund(ledger: SmallLedger) -> Send:
    payment = ledger.made(ledger.pay())
    assert ledger.post(OPERATOR, f"/v1/accounts/{ledger.shop}/freeze").status == 200
    return lambda key: ledger.refund(payment, key=key)


def _refused_batch(ledger: SmallLedger) -> Send:
    return lambda key: ledger.batch((ledger.alice, ledger.bob, HUGE_MINOR), key=key)


def _of_itself(happens: Happens, make: Callable[[SmallLedger], str]) -> Arrange:
    """What the sweeper does for one reminder, but for taking the reminder away."""

    def arrange(ledger: SmallLedger) -> Send:
        identifier = make(ledger)
        ledger.clock.move(7 * DAY_SECONDS)
        bench = ledger.platform.bench
        patience = Patience(bench.clock, bench.chance, bench.clock.elapsed_seconds() + 5)
        call = internal_call(bench, TENANT, bench.clock.now_at(), patience)
        return lambda _: happens(call, identifier)

    return arrange


def _scheduled(ledger: SmallLedger) -> str:
    return ledger.made(ledger.transfer(scheduled_for="2026-11-25"))


def _scheduled_in_vain(ledger: SmallLedger) -> str:
    return ledger.made(ledger.transfer(BOB, source=ledger.bob, destination=ledger.alice, scheduled_for="2026-11-25"))


def _advanced(ledger: SmallLedger) -> Send:
    return lambda key: ledger.post(ELSEWHERE, "/v1/test_clock", {"advance_seconds": 60}, key=key)


OPERATIONS: Final = tuple(
    sorted(
        (
            *(_verb(verb) for verb in VERBS),
            Operation("accounts.create", "merchant", _opened("merchant")),
            Operation("accounts.update", "metadata", _wallet(metadata=METADATA)),
            Operation("accounts.update", "overdraft limit", _wallet(overdraft_limit=500)),
            Operation("accounts.update", "4 slices to 8", _shop(slices=8)),
            Operation("accounts.update", "negative limit, of 4 slices", _shop(slices=1, negative_limit=500)),
            Operation("accounts.update", "fee", _fee),
            Operation("payments.create", "with a reference", _paid(reference="order-1")),
            Operation("payments.create", "with 150 bytes more", _paid(description="Two tickets", metadata=METADATA)),
            Operation("payments.create", "with a fee", _fee_paid),
            Operation("payments.create", "declined", _paid(amount=HUGE_MINOR)),
            Operation("payments.cancel", "with a reference", _canceled),
            Operation("payments.capture", "of a part", _captured_in_part),
            Operation("payments.expire", "", _of_itself(expire, SmallLedger.authorize)),
            Operation("refunds.create", "declined", _refused_refund),
            Operation("transfers.create", "declined", _moved(amount=HUGE_MINOR)),
            Operation("transfers.create", "with 150 bytes more", _moved(description="Rent", metadata=METADATA)),
            Operation("transfers.batch", "declined", _refused_batch),
            Operation("transfers.void", "of a scheduled one", _called_off),
            Operation("transfers.expire", "", _of_itself(happen, SmallLedger.hold)),
            Operation("transfers.execute", "", _of_itself(happen, _scheduled)),
            Operation("transfers.execute", "declined", _of_itself(happen, _scheduled_in_vain)),
            Operation("clocks.advance", "", _advanced),
        ),
        key=lambda operation: operation.name,
    )
)
