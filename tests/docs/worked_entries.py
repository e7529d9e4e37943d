"""The entries that docs/ledger.md shows: each operation is run, and its legs are written as the page has them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.ledger.chart import has_floor, kind_of
from chalicelib.ledger.entry import Leg
from chalicelib.payments.expire import expire
from chalicelib.store.commit import read_events, read_legs
from chalicelib.store.keys import StateKind
from chalicelib.transfers.due import happen
from chalicelib.web.internal import Happens, Sweeper
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.journaled_dynamo import Done, JournaledDynamo
from tests.doubles.platform import SCOPES, Context
from tests.doubles.small_ledger import ALICE, BOB, OPERATOR, SHOP, SmallLedger

HEAD: Final = ("what happens", "account", "posted", "held", "posted then", "held then", "spendable then")
ALICE_ABROAD: Final = replace(ALICE, scope=SCOPES)
"""Alice with a token that may send money out of the ledger."""

Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class Example:
    """`arrange` makes what is needed and returns what is to be shown."""

    title: str
    arrange: Callable[[SmallLedger], Callable[[], object]]

    def table(self) -> str:
        """Run it on a ledger of its own, every commit of which is held to the ledger's rules; return what to show."""
        journaled = JournaledDynamo()
        ledger = SmallLedger(store=FaultyDynamo(journaled))
        shown = self.arrange(ledger)
        before = len(journaled.journal)
        shown()
        rows = [row for done in journaled.journal[before:] for row in _rows(done, _names(ledger))]
        return markdown(HEAD, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as the pages have it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, *rows)).replace(
        "\n", f"\n|{'---|' * len(head)}\n", 1
    )


def _names(ledger: SmallLedger) -> dict[str, str]:
    return {ledger.alice: "Alice", ledger.bob: "Bob", ledger.shop: "Shop", ledger.external: "Bank"}


def _rows(done: Done, names: dict[str, str]) -> Iterator[list[str]]:
    """Give a row for each leg, or for each account that the commit touched without one; the first says what it is."""
    told = f"`{done.operation}`: " + ", ".join(event.name for event in read_events(done.record))
    legs = read_legs(done.record)
    several = Counter(leg.account for leg in legs)
    bodies = [_leg_row(done, leg, names, alone=several[leg.account] == 1) for leg in legs] or _touched(done, names)
    for body in bodies or [["none", "", "", "", "", ""]]:
        yield [told, *body]
        told = ""


def _leg_row(done: Done, leg: Leg, names: dict[str, str], *, alone: bool) -> list[str]:
    name = _name(leg.account, names)
    number = None if alone else leg.slice_number
    shown = name if alone else f"{name}, slice {number}"
    return [shown, _signed(leg.posted_minor), _signed(leg.held_minor), *_then(done, leg.account, number)]


def _touched(done: Done, names: dict[str, str]) -> Rows:
    accounts = dict.fromkeys(key.sk.partition("/")[0] for key in done.written if "#balance#" in key.pk)
    return [[_name(account, names), "", "", *_then(done, account, None)] for account in accounts]


def _name(account: str, names: dict[str, str]) -> str:
    return names.get(account) or kind_of(account).value.title()


def _then(done: Done, account: str, number: int | None) -> list[str]:
    """Return posted, held and spendable afterwards: of one slice, or of all (None)."""
    own = [
        item
        for key, item in done.balances.items()
        if key.sk.startswith(account) and number in {None, int(key.sk.partition("/")[2])}
    ]
    posted, held = (sum(cast("int", item[name]) for item in own) for name in ("p", "h"))
    return [str(posted), str(held), str(own[0]["f"]) if has_floor(account) else "-"]


def _signed(minor: int) -> str:
    return f"{minor:+d}" if minor else ""


def _sweep(ledger: SmallLedger, kind: StateKind, happens: Happens, days: int) -> None:
    ledger.clock.move(days * DAY_SECONDS)
    assert Sweeper(kind, happens, lambda: ledger.platform.bench)({}, Context()) == {"happened": 1, "failed": 0}


def _done(*requests: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for request in requests:
            request()

    return run


def _enters_and_leaves(ledger: SmallLedger) -> Callable[[], object]:
    return _done(
        lambda: ledger.fund(ledger.alice, 5000),
        lambda: ledger.transfer(ALICE_ABROAD, destination=ledger.external, amount=2000),
    )


def _declined(ledger: SmallLedger) -> Callable[[], object]:
    return lambda: ledger.pay(amount=10_001)


def _two_steps(ledger: SmallLedger) -> Callable[[], object]:
    def run() -> None:
        payment = ledger.authorize(amount=4000)
        ledger.step(payment, "capture", amount=1500)
        ledger.step(payment, "capture", amount=1000, final=True)

    return run


def _canceled(ledger: SmallLedger) -> Callable[[], object]:
    def run() -> None:
        payment = ledger.authorize(amount=4000)
        ledger.step(payment, "capture", amount=1500)
        ledger.step(payment, "cancel")

    return run


def _expired(ledger: SmallLedger) -> Callable[[], object]:
    return _done(lambda: ledger.authorize(amount=4000), lambda: _sweep(ledger, "payment", expire, 7))


def _refunded(ledger: SmallLedger) -> Callable[[], object]:
    payment = ledger.made(ledger.pay(amount=1250))
    return lambda: ledger.refund(payment, SHOP, amount=500)


def _charged(ledger: SmallLedger) -> Callable[[], object]:
    rule = {"basis_points": 290, "fixed": 30, "account": ledger.open(OPERATOR, "platform")}
    assert ledger.patch(OPERATOR, f"/v1/accounts/{ledger.shop}", {"fee": rule}).status == 200

    def run() -> None:
        payment = ledger.made(ledger.pay(amount=1250))
        ledger.refund(payment)

    return run


def _held(ledger: SmallLedger) -> Callable[[], object]:
    return lambda: ledger.turn(ledger.hold(amount=700), "post", amount=200)


def _voided(ledger: SmallLedger) -> Callable[[], object]:
    return lambda: ledger.turn(ledger.hold(amount=700), "void")


def _hold_expired(ledger: SmallLedger) -> Callable[[], object]:
    return _done(lambda: ledger.hold(amount=700), lambda: _sweep(ledger, "transfer", happen, 7))


def _scheduled(ledger: SmallLedger) -> Callable[[], object]:
    return _done(
        lambda: ledger.transfer(amount=700, scheduled_for="2026-11-24"),
        lambda: _sweep(ledger, "transfer", happen, 1),
    )


def _batched(ledger: SmallLedger) -> Callable[[], object]:
    assert ledger.post(BOB, f"/v1/accounts/{ledger.bob}/grant", {"principal": ALICE.principal}).status == 200
    return lambda: ledger.batch((ledger.alice, ledger.bob, 700), (ledger.bob, ledger.shop, 600))


def _reversed(ledger: SmallLedger) -> Callable[[], object]:
    transfer = ledger.made(ledger.transfer(amount=700))
    return lambda: ledger.turn(transfer, "reverse", BOB, amount=50)


def _overdrawn(ledger: SmallLedger) -> Callable[[], object]:
    return _done(
        lambda: ledger.patch(OPERATOR, f"/v1/accounts/{ledger.bob}", {"overdraft_limit": 300}),
        lambda: ledger.pay(BOB, payer=ledger.bob, amount=250),
    )


def _gathered(ledger: SmallLedger) -> Callable[[], object]:
    for amount in (100, 200, 300):
        ledger.made(ledger.pay(amount=amount))
    return lambda: ledger.patch(OPERATOR, f"/v1/accounts/{ledger.shop}", {"slices": 1, "negative_limit": 500})


def _closed(ledger: SmallLedger) -> Callable[[], object]:
    """Pay and refund until the money has gone to one slice and come from another."""
    while not any(item["p"] for item in _slices(ledger)):
        ledger.made(ledger.refund(ledger.made(ledger.pay())))
    return lambda: ledger.post(SHOP, f"/v1/accounts/{ledger.shop}/close")


def _slices(ledger: SmallLedger) -> list[dict[str, object]]:
    return [dict(item) for key, item in ledger.store.inner.items.items() if key.sk.startswith(f"{ledger.shop}/")]


EXAMPLES: Final = (
    Example("Money enters and leaves", _enters_and_leaves),
    Example("A payment at once", lambda ledger: lambda: ledger.pay(amount=1250)),
    Example("A decline", _declined),
    Example("A payment in two steps", _two_steps),
    Example("A cancel", _canceled),
    Example("An expiry", _expired),
    Example("A refund", _refunded),
    Example("A fee", _charged),
    Example("A transfer", lambda ledger: lambda: ledger.transfer(amount=700)),
    Example("A transfer that is held and posted", _held),
    Example("A transfer that is held and voided", _voided),
    Example("A transfer that is held and expires", _hold_expired),
    Example("A transfer on a date", _scheduled),
    Example("A batch", _batched),
    Example("A reversal", _reversed),
    Example("An overdraft", _overdrawn),
    Example("A limit for a merchant", _gathered),
    Example("Closing an account", _closed),
)
