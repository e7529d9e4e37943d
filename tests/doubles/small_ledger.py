"""A ledger with a few people and accounts in it: what a test of the money rooms needs before it can begin."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from chalicelib.kernel.ids import shard_of
from chalicelib.ledger.chart import slices_of
from chalicelib.store.keys import StateKind, balance_key, state_key
from chalicelib.store.port import Item, Key, Value
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.platform import SCOPES, Client, Platform, Response
from tests.doubles.time_and_chance import HandClock, SeededChance

TENANT = "demo.live"
WITHOUT_EXTERNAL = SCOPES.removesuffix(" external:write")
OPERATOR = Client()
ALICE = Client("cl_alice", "prn_alice", "owner", TENANT, WITHOUT_EXTERNAL)
BOB = Client("cl_bob", "prn_bob", "owner", TENANT, WITHOUT_EXTERNAL)
SHOP = Client("cl_shop", "prn_shop", "merchant", TENANT, WITHOUT_EXTERNAL)
ELSEWHERE = Client("cl_elsewhere", "prn_operator", "operator", "other.sandbox")
EVERYBODY = (OPERATOR, ALICE, BOB, SHOP, ELSEWHERE)
FUNDS_MINOR = 10_000
NOWHERE = "acct_00000000000000000000000000w0"
"""A well-formed id of a wallet that does not exist."""


@dataclass(slots=True)
class SmallLedger:
    """Alice and Bob own wallets (Alice's is funded), Shop a merchant account, the operator the external one."""

    seed: int = 0
    store: FaultyDynamo = field(default_factory=FaultyDynamo)
    clock: HandClock = field(default_factory=HandClock)
    platform: Platform = field(init=False)
    external: str = field(init=False)
    alice: str = field(init=False)
    bob: str = field(init=False)
    shop: str = field(init=False)
    _keys: "count[int]" = field(default_factory=lambda: count(1), init=False)

    def __post_init__(self) -> None:
        self.platform = Platform(self.store, self.clock, SeededChance(self.seed))
        for client in EVERYBODY:
            self.platform.register(client)
        self.external = self.open(OPERATOR, "external")
        self.alice = self.open(ALICE, "wallet")
        self.bob = self.open(BOB, "wallet")
        self.shop = self.open(SHOP, "merchant")
        self.fund(self.alice, FUNDS_MINOR)
        self.store.reset_counters()

    def post(self, client: Client, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Response:
        """POST with a fresh key, unless one is given."""
        fresh = f"key-{next(self._keys)}" if key is None else key
        return self.platform.request(client, "POST", path, body, key=fresh, **more)

    def patch(self, client: Client, path: str, body: Any, *, key: str | None = None, **more: Any) -> Response:
        """PATCH with a fresh key, unless one is given."""
        fresh = f"key-{next(self._keys)}" if key is None else key
        return self.platform.request(client, "PATCH", path, body, key=fresh, **more)

    def get(self, client: Client, path: str, **query: str) -> Response:
        return self.platform.request(client, "GET", path, query=query)

    def open(self, client: Client, kind: str, currency: str = "USD") -> str:
        """Open an account and return its id."""
        return self.made(self.post(client, "/v1/accounts", {"kind": kind, "currency": currency}))

    def fund(self, account: str, amount: int) -> None:
        self.made(self.transfer(OPERATOR, source=self.external, destination=account, amount=amount))

    def pay(self, client: Client = ALICE, *, key: str | None = None, **changes: Any) -> Response:
        """Pay 1.00 from Alice to Shop, but for the changes."""
        body = {"amount": 100, "currency": "USD", "payer": self.alice, "payee": self.shop} | changes
        return self.post(client, "/v1/payments", body, key=key)

    def authorize(self, **changes: Any) -> str:
        """Make a payment that holds its amount and return its id."""
        return self.made(self.pay(capture="manual", **changes))

    def transfer(self, client: Client = ALICE, *, key: str | None = None, **changes: Any) -> Response:
        """Move 1.00 from Alice to Bob, but for the changes."""
        body = {"amount": 100, "currency": "USD", "source": self.alice, "destination": self.bob} | changes
        return self.post(client, "/v1/transfers", body, key=key)

    def hold(self, **changes: Any) -> str:
        """Make a transfer that holds its amount and return its id."""
        return self.made(self.transfer(mode="hold", **changes))

    def turn(
        self, transfer: str, verb: str, client: Client = ALICE, *, key: str | None = None, **body: Any
    ) -> Response:
        """Post, void or reverse a transfer."""
        return self.post(client, f"/v1/transfers/{transfer}/{verb}", body, key=key)

    def batch(self, *moves: tuple[str, str, int], client: Client = ALICE, key: str | None = None) -> Response:
        """Make transfers in one batch, each from a source to a destination."""
        rows = [
            {"source": source, "destination": destination, "amount": amount, "currency": "USD"}
            for source, destination, amount in moves
        ]
        return self.post(client, "/v1/transfers/batch", {"transfers": rows}, key=key)

    def refund(self, payment: str, client: Client = OPERATOR, *, key: str | None = None, **more: Any) -> Response:
        return self.post(client, "/v1/refunds", {"payment": payment, **more}, key=key)

    def step(self, payment: str, verb: str, client: Client = ALICE, *, key: str | None = None, **body: Any) -> Response:
        """Capture or cancel a payment."""
        return self.post(client, f"/v1/payments/{payment}/{verb}", body, key=key)

    @staticmethod
    def made(response: Response) -> str:
        """The id of what was made; anything but success is a fault of the test's arrangement."""
        assert response.status == 201, response
        return str(response.json["id"])

    def balance(self, account: str) -> dict[str, int]:
        """Posted, held and available, as the operator reads them."""
        money: dict[str, int] = self.get(OPERATOR, f"/v1/accounts/{account}").json["balance"]
        return {name: money[name] for name in ("posted", "held", "available")}

    def change(self, account: str, **attributes: Value) -> None:
        """Set attributes of all balance items of an account (for what no route can bring about yet)."""
        for number in range(slices_of(account)):
            key = balance_key(TENANT, account, number)
            self.store.inner.seed(key, {**self.store.inner.items[key], **attributes})

    def give_mandate(self, account: str, client: Client) -> None:
        self.change(account, m=frozenset({client.principal}))

    def revoke(self, client: Client) -> None:
        self.platform.register(client, "revoked")

    def state(self, kind: StateKind, identifier: str) -> Item:
        return self.store.inner.items[state_key(TENANT, kind, identifier)]

    def records(self) -> list[Item]:
        """All commit records, of all tenants."""
        return [item for key, item in self.store.inner.items.items() if key.table == "commits"]

    def snapshot(self) -> dict[Key, Item]:
        """Everything that is stored, to show that something changed nothing."""
        return dict(self.store.inner.items)


def foreign(identifier: str) -> str:
    """A well-formed id that names nothing: another id of the same kind and shard."""
    head, _, rest = identifier.partition("_")
    return f"{head}_{'0' * 26}{rest[26:-1]}{shard_of(identifier)}"


def without_external(client: Client) -> Client:
    """The client with a token that lacks the scope for external accounts."""
    return replace(client, scope=WITHOUT_EXTERNAL)
