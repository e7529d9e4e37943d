"""Everything the simulator's clients do, one row an operation: how often, who, and what is asked.

To add a route, add a row. What the answers show is learnt by itself, under the resource's `object`; `unused_routes`
names the routes of the rooms that no row has driven.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from chalicelib.kernel.clock import to_rfc3339
from tests.doubles.platform import ROOMS, _match, routes_of
from tests.simulator.asker import Asker, Shares
from tests.simulator.book import Resource
from tests.simulator.letter import Asked

Ask = Callable[[Asker], Asked | None]
EVERYBODY: Final = frozenset({"operator", "owner", "merchant"})
DEBTORS: Final = frozenset({"operator", "owner"})
OPERATOR: Final = frozenset({"operator"})

HOLDING: Final = ("authorized", "partially_captured")
CAPTURED: Final = ("captured", "partially_captured")


@dataclass(frozen=True, slots=True)
class Operation:
    """`weight` is its share among the operations of a client of one of the `roles`."""

    name: str
    weight: int
    ask: Ask
    roles: frozenset[str] = EVERYBODY


def _open(who: Asker) -> Asked:
    own = ("external", "platform") if who.client.role == "operator" else ("wallet",)
    kinds = ("wallet", "wallet", "merchant", *own)
    return _post("/v1/accounts", kind=who.chance.choice(kinds), currency="USD" if who.perhaps(0.8) else "EUR")


def _open_with_settings(who: Asker) -> Asked | None:
    currency = _currency(who)
    settings = _settings(who, who.chance.choice(("overdraft_limit", "slices", "fee", "negative_limit")), currency)
    kind = "wallet" if settings and "overdraft_limit" in settings else "merchant"
    return _post("/v1/accounts", kind=kind, currency=currency, **settings) if settings else None


def _update(who: Asker) -> Asked | None:
    account = who.any("account", lambda account: account["kind"] in {"wallet", "merchant"})
    if account is None:
        return None
    names = ("overdraft_limit",) if account["kind"] == "wallet" else ("slices", "fee", "negative_limit")
    operators = who.client.role == "operator" or who.perhaps(0.1)
    name = who.chance.choice(names) if operators else "metadata"
    settings = _settings(who, name, account["currency"])
    path = f"/v1/accounts/{account['id']}"
    return Asked("PATCH", path, settings, _seen(who, account)) if settings else None


def _settings(who: Asker, name: str, currency: str) -> dict[str, Any] | None:
    """Draw one setting; None where there is no account to pay fees to."""
    match name:
        case "overdraft_limit":
            return {name: who.chance.choice((0, 50, 300))}
        case "slices":
            return {name: who.chance.randint(1, 6)}
        case "negative_limit":
            # Only what is refunded after its fee takes a merchant below zero.
            fee = _settings(who, "fee", currency) if who.perhaps(0.5) else None
            return {**(fee or {}), name: who.chance.choice((0, 20, None)), "slices": 1}
        case "metadata":
            return {name: {"note": str(who.chance.randrange(10))}}
    platform = who.account("platform", currency=currency)
    rule = {"basis_points": who.chance.choice((0, 250, 5_000, 10_000)), "fixed": who.chance.randrange(4)}
    return {name: {**rule, "account": platform} if who.perhaps(0.8) else None} if platform else None


def _mandate(verb: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        account = who.any("account", lambda account: account["kind"] == "wallet")
        principal = who.chance.choice(("prn_agent", "prn_bob"))
        return _change(who, account, "accounts", verb, principal=principal) if account else None

    return ask


def _account_step(verb: str, status: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        account = who.any("account", lambda account: account["status"] == status)
        return _change(who, account, "accounts", verb) if account else None

    return ask


def _close_newest(who: Asker) -> Asked | None:
    """Close what was opened last: it is still empty, and may be paid into at this very moment."""
    account = who.book.newest("account")
    return _change(who, account, "accounts", "close") if account else None


def _pay(capture: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        currency = _currency(who)
        payer = who.account("wallet", currency=currency, own=True)
        payees = ("merchant", "wallet")
        payee = _newest(who, currency, *payees) or who.account(*payees, currency=currency)
        if payer is None or payee is None or (payer == payee and not who.perhaps(0.1)):
            return None
        more = {"reference": f"order-{who.chance.randrange(6)}"} if who.perhaps(0.5) else {}
        return _post(
            "/v1/payments", payer=payer, payee=payee, amount=who.amount(), currency=currency, capture=capture, **more
        )

    return ask


def _capture(*, final: bool) -> Ask:
    def ask(who: Asker) -> Asked | None:
        payment = who.any("payment", lambda payment: payment["status"] in HOLDING)
        body: dict[str, Any] = {"amount": who.amount()} if who.perhaps(0.6) else {}
        more = {"final": True} if final else {}
        return _change(who, payment, "payments", "capture", **body, **more) if payment else None

    return ask


def _cancel(who: Asker) -> Asked | None:
    payment = who.any("payment", lambda payment: payment["status"] in HOLDING)
    return _change(who, payment, "payments", "cancel") if payment else None


def _refund(who: Asker) -> Asked | None:
    payment = who.any("payment", lambda payment: payment["status"] in CAPTURED)
    body = {"amount": who.amount()} if who.perhaps(0.6) else {}
    return _post("/v1/refunds", payment=payment["id"], **body) if payment else None


def _transfer(source: str, *destinations: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        currency = _currency(who)
        one = who.account(source, currency=currency, own=True)
        other = _newest(who, currency, *destinations) or who.account(*destinations, currency=currency)
        if one is None or other is None or (one == other and not who.perhaps(0.1)):
            return None
        amount = who.amount() * (3 if source == "external" else 1)
        return _post("/v1/transfers", source=one, destination=other, amount=amount, currency=currency)

    return ask


def _newest(who: Asker, currency: str, *kinds: str) -> str | None:
    """Return the account that was opened last, now and then: where it meets those that close it."""
    account = who.book.newest("account") if who.perhaps(0.3) else None
    fits = account and account["currency"] == currency and account["kind"] in kinds
    return str(account["id"]) if account and fits else None


def _transfer_more(**more: Any) -> Ask:
    """Transfer in another way: as a hold, or later."""

    def ask(who: Asker) -> Asked | None:
        asked = _transfer("wallet", "wallet", "merchant")(who)
        if asked is None or "scheduled" not in more:
            return asked and _post(asked.path, **(asked.body or {}), **more)
        seconds = who.chance.choice((2, 10, 3 * 86_400))
        return _post(asked.path, **(asked.body or {}), scheduled_for=to_rfc3339(who.now_at() + seconds * 1_000))

    return ask


def _batch(who: Asker) -> Asked | None:
    rows = [_transfer("wallet", "wallet", "merchant")(who) for _ in range(who.chance.randint(2, 5))]
    bodies = [row.body for row in rows if row and row.body]
    if bodies and who.perhaps(0.3):
        # Some of it comes back within the batch: whoever gets more than he gives is debited all the same.
        first = bodies[0]
        back = {"source": first["destination"], "destination": first["source"]}
        bodies.append({**first, **back, "amount": who.chance.randint(1, first["amount"])})
    return _post("/v1/transfers/batch", transfers=bodies) if bodies else None


def _transfer_step(verb: str, *statuses: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        transfer = who.any("transfer", lambda transfer: transfer["status"] in statuses)
        body = {"amount": who.amount()} if verb != "void" and who.perhaps(0.6) else {}
        return _change(who, transfer, "transfers", verb, **body) if transfer else None

    return ask


def _advance(who: Asker) -> Asked | None:
    if not who.client.tenant.endswith(".sandbox") and not who.perhaps(0.1):
        return None
    return _post("/v1/test_clock", advance_seconds=who.chance.randint(1, 8) * 86_400)


def _get(kind: str) -> Ask:
    def ask(who: Asker) -> Asked | None:
        found = who.any(kind)
        return Asked("GET", f"/v1/{kind}s/{found['id']}") if found else None

    return ask


def _entries(who: Asker) -> Asked | None:
    account = who.any("account")
    if account is None:
        return None
    return Asked("GET", f"/v1/accounts/{account['id']}/entries", query=_limit(who))


def _history(who: Asker) -> Asked | None:
    payment = who.any("payment")
    if payment is None:
        return None
    return Asked("GET", f"/v1/payments/{payment['id']}/history", query=_limit(who))


def _event(who: Asker) -> Asked | None:
    event = who.any("event") or who.any("history_entry")
    if event is None:
        return None
    return Asked("GET", f"/v1/events/{event['id']}")


def _read(path: str) -> Ask:
    return lambda _: Asked("GET", path)


def _list(room: str) -> Ask:
    return lambda who: Asked("GET", f"/v1/{room}", query=_limit(who))


def _limit(who: Asker) -> dict[str, str]:
    return {"limit": str(who.chance.randint(1, 20))}


OPERATIONS: Final = (
    Operation("open an account", 3, _open),
    Operation("open an account with settings", 5, _open_with_settings, OPERATOR),
    Operation("change an account's settings", 6, _update),
    Operation("give a mandate", 2, _mandate("grant"), DEBTORS),
    Operation("take a mandate away", 1, _mandate("revoke"), DEBTORS),
    Operation("close an account", 1, _account_step("close", "open")),
    Operation("close what was opened last", 6, _close_newest, OPERATOR),
    Operation("freeze", 4, _account_step("freeze", "open"), OPERATOR),
    Operation("unfreeze", 6, _account_step("unfreeze", "frozen"), OPERATOR),
    Operation("freeze without being operator", 1, _account_step("freeze", "open")),
    Operation("pay", 14, _pay("automatic"), DEBTORS),
    Operation("authorize", 16, _pay("manual"), DEBTORS),
    Operation("capture", 16, _capture(final=False)),
    Operation("capture for good", 5, _capture(final=True)),
    Operation("cancel", 6, _cancel),
    Operation("refund", 12, _refund),
    Operation("transfer", 10, _transfer("wallet", "wallet", "merchant"), DEBTORS),
    Operation("fund", 12, _transfer("external", "wallet"), OPERATOR),
    Operation("pay out", 2, _transfer("wallet", "external"), DEBTORS),
    Operation("hold a transfer", 8, _transfer_more(mode="hold"), DEBTORS),
    Operation("hold a transfer for a minute", 3, _transfer_more(mode="hold", expires_in_seconds=60), DEBTORS),
    Operation("schedule a transfer", 4, _transfer_more(scheduled=True), DEBTORS),
    Operation("transfer a batch", 6, _batch, DEBTORS),
    Operation("post a transfer", 6, _transfer_step("post", "held")),
    Operation("void a transfer", 4, _transfer_step("void", "held", "scheduled")),
    Operation("reverse a transfer", 6, _transfer_step("reverse", "posted")),
    Operation("advance the test clock", 8, _advance, OPERATOR),
    Operation("read the test clock", 1, _read("/v1/test_clock"), OPERATOR),
    Operation("read an account", 5, _get("account")),
    Operation("read a payment", 5, _get("payment")),
    Operation("read a refund", 2, _get("refund")),
    Operation("read a transfer", 2, _get("transfer")),
    Operation("read a statement", 4, _entries),
    Operation("read a payment's history", 3, _history),
    Operation("read an event", 2, _event),
    Operation("list events", 2, _list("events"), OPERATOR),
    Operation("ask for the platform's health", 1, _read("/v1/health")),
    Operation("list accounts", 1, _list("accounts")),
    Operation("list payments", 1, _list("payments")),
    Operation("list refunds", 2, _list("refunds"), OPERATOR),
    Operation("list transfers", 2, _list("transfers"), OPERATOR),
)


def draw_shares(chance: Random, about: Collection[str] = ()) -> Shares:
    """Draw what a run is about: each of its operations comes as often as its row says, seldom, or all the time.

    What meets only by accident in most runs meets often in some. `about` names operations that come all the time.
    """
    assert {row.name for row in OPERATIONS} >= set(about), f"no operation is called {about}"
    return [row.weight * (60 if row.name in about else chance.choice((1, 3, 3, 12))) for row in OPERATIONS]


def draw(who: Asker) -> Asked | None:
    """Draw an operation for a client; None where it lacks what the operation needs."""
    rows = [(row, share) for row, share in zip(OPERATIONS, who.shares, strict=True) if who.client.role in row.roles]
    (row,) = who.chance.choices([row for row, _ in rows], [share for _, share in rows])
    return row.ask(who)


def unused_routes(used: set[tuple[str, str]]) -> list[str]:
    """Return the routes of all rooms that none of these methods and paths has driven."""
    routes = [route.partition(" ") for room in ROOMS for route in routes_of(room)]
    return [
        f"{method} {resource}"
        for method, _, resource in routes
        if not any(method == how and _match(resource, path) is not None for how, path in used)
    ]


def _currency(who: Asker) -> str:
    return "USD" if who.perhaps(0.9) else "EUR"


def _post(path: str, **body: Any) -> Asked:
    return Asked("POST", path, body)


def _change(who: Asker, known: Resource, room: str, verb: str, **body: Any) -> Asked:
    """Change an object, sometimes only if it is still the version that was seen."""
    return Asked("POST", f"/v1/{room}/{known['id']}/{verb}", body, if_match=_seen(who, known))


def _seen(who: Asker, known: Resource) -> int | None:
    """Return the version that the client insists on, if it does."""
    return known["version"] if who.perhaps(0.15) else None
