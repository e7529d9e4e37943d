"""The story that `make demo` tells: each step is one call, what it shows, and what must come back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from infra.local.api_client import Answer, Api

Ids = dict[str, str]
Body = dict[str, Any]

CURRENCY: Final = "USD"


@dataclass(frozen=True, slots=True)
class Step:
    """One call; `keep` names the id in its answer for later steps, `available` is the balance it must show."""

    says: str
    method: str
    path: Callable[[Ids], str]
    expected: int
    body: Callable[[Ids], Body] | None = None
    keep: str = ""
    key: str = ""
    available: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    scope: str = ""

    def send(self, api: Api, ids: Ids, key: str | None) -> Answer:
        """Make the call, with a token for `scope` alone if there is one."""
        if self.scope:
            reduced = api.clone().login(self.scope)
            try:
                return replace(self, scope="").send(reduced, ids, key)
            finally:
                reduced.close()
        if self.method == "GET":
            return api.get(self.path(ids), **self.headers)
        return api.post(self.path(ids), self.body(ids) if self.body else {}, key=key, headers=self.headers)


def _at(path: str) -> Callable[[Ids], str]:
    return lambda ids: path.format(**ids)


def _payment(amount: int, **more: Any) -> Callable[[Ids], Body]:
    return lambda ids: {
        "amount": amount,
        "currency": CURRENCY,
        "payer": ids["wallet"],
        "payee": ids["merchant"],
        **more,
    }


def _transfer(amount: int, source: str, destination: str) -> Callable[[Ids], Body]:
    return lambda ids: {
        "source": ids[source],
        "destination": ids[destination],
        "amount": amount,
        "currency": CURRENCY,
    }


_WALLET: Final[Body] = {"currency": CURRENCY, "kind": "wallet", "metadata": {"name": "demo"}}


def steps() -> Iterator[Step]:
    """Tell the story in order."""
    yield from _opening()
    yield from _paying()
    yield from _holding()
    yield from _refusing()


def _opening() -> Iterator[Step]:
    accounts = _at("/v1/accounts")
    yield Step("A wallet is opened, empty.", "POST", accounts, 201, lambda _: _WALLET, keep="wallet")
    funding = _transfer(10_000, "external", "wallet")
    yield Step("100.00 comes in from outside.", "POST", _at("/v1/transfers"), 201, funding)


def _paying() -> Iterator[Step]:
    payments = _at("/v1/payments")
    order = _payment(2_500)
    yield Step("It pays a merchant 25.00.", "POST", payments, 201, order, keep="payment", key="order")
    yield Step("The same request again: the same bytes, no second payment.", "POST", payments, 201, order, key="order")
    other = _payment(9_900)
    yield Step("The same key for something else is refused.", "POST", payments, 422, other, key="order")
    yield Step("Too much is declined, and nothing moves.", "POST", payments, 402, _payment(99_900))
    yield Step("75.00 is left.", "GET", _at("/v1/accounts/{wallet}"), 200, available=7_500)


def _holding() -> Iterator[Step]:
    hold = _payment(4_000, capture="manual")
    yield Step("40.00 is held, not yet taken.", "POST", _at("/v1/payments"), 201, hold, keep="hold")
    capture = _at("/v1/payments/{hold}/capture")
    part: Callable[[Ids], Body] = lambda _: {"amount": 1_500}  # noqa: E731 - a table reads best as one
    yield Step("15.00 of it is captured.", "POST", capture, 200, part, headers={"If-Match": '"1"'})
    yield Step("A stale version is refused.", "POST", capture, 412, part, headers={"If-Match": '"1"'})
    yield Step("The rest of the hold is given back.", "POST", _at("/v1/payments/{hold}/cancel"), 200)
    refund: Callable[[Ids], Body] = lambda ids: {"payment": ids["payment"], "amount": 1_000}  # noqa: E731
    yield Step("10.00 of the first payment is refunded.", "POST", _at("/v1/refunds"), 201, refund)
    gift = _transfer(500, "wallet", "payer2")
    yield Step("5.00 goes to another wallet.", "POST", _at("/v1/transfers"), 201, gift)
    wallet = _at("/v1/accounts/{wallet}")
    yield Step("100.00 - 25.00 - 15.00 + 10.00 - 5.00 = 65.00.", "GET", wallet, 200, available=6_500)


def _refusing() -> Iterator[Step]:
    payments = _at("/v1/payments")
    yield Step("A frozen wallet pays nobody.", "POST", _at("/v1/accounts/{wallet}/freeze"), 200)
    yield Step("As said.", "POST", payments, 402, _payment(100))
    yield Step("Thawed again.", "POST", _at("/v1/accounts/{wallet}/unfreeze"), 200)
    reader = "A token for reading alone does not pay."
    yield Step(reader, "POST", payments, 403, _payment(100), scope="payments:read")
    stranger = {"x-api-key": "somebody-elses"}
    yield Step("An API key that is not the client's opens nothing.", "GET", payments, 403, headers=stranger)
    yield Step("What the gateway does not know does not exist.", "GET", _at("/v1/nothing"), 403)
    yield Step("An amount is a whole number of minor units.", "POST", payments, 400, _payment(0))
    yield Step("The newest payments.", "GET", _at("/v1/payments?limit=2"), 200)
