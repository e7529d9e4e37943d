"""What a random history asks for: a few small numbers, turned into a request about what is there by then."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import strategies as st

from chalicelib.kernel.clock import to_rfc3339
from tests.doubles.platform import SCOPES, Client

TENANT = "model.sandbox"
CLIENTS = {
    "operator": Client(tenant=TENANT),
    "bob": Client("cl_bob", "prn_bob", "owner", TENANT, SCOPES),
}
HOUR = 3_600
MOST_WALLETS = 5
HOLDING = ("authorized", "partially_captured")
CAPTURED = ("captured", "partially_captured")

# How often each is wished for; what money can go wrong with most, most often.
VERBS = {
    "fund": 2, "transfer": 2, "set aside": 3, "schedule": 3, "batch": 2, "post": 3, "void": 1, "reverse": 2,
    "pay": 3, "order": 3, "hold": 5, "capture": 6, "final": 1, "cancel": 1, "refund": 4,
    "freeze": 1, "unfreeze": 2, "close": 1, "open": 1, "grant": 3, "revoke": 2,
    "overdraft": 1, "limit": 2, "slices": 1, "fee": 4, "rename": 1, "move the clock": 3, "sweep": 4,
}  # fmt: skip


class Wish(NamedTuple):
    """`one` and `other` choose among what there is; without an amount the ledger's own default is meant.

    To sweep is no request: it lets happen what is due.
    """

    verb: str
    who: str
    one: int
    other: int
    amount: int | None


class Request(NamedTuple):
    """One HTTP-shaped call."""

    client: Client
    method: str
    path: str
    body: dict[str, Any]


places = st.integers(0, 7)
wishes = st.builds(
    Wish,
    st.sampled_from([verb for verb, often in VERBS.items() for _ in range(often)]),
    st.sampled_from(["operator", "operator", "operator", "operator", "bob"]),
    places,
    places,
    st.none() | st.integers(1, 9) | st.integers(1, 120),
)


@dataclass(slots=True)
class Known:
    """The ids that the answers have shown so far, and what was shown last of each."""

    wallets: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    payments: list[str] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)

    def learn(self, answer: dict[str, Any]) -> None:
        for made in answer.get("transfers", [answer]):
            if made["id"] not in self.shown:
                self._learn_of(made)
            self.shown[made["id"]] = made

    def _learn_of(self, made: dict[str, Any]) -> None:
        match made["object"]:
            case "account" if made["kind"] == "wallet":
                self.wallets.append(made["id"])
            case "account":
                self.kinds[made["kind"]] = made["id"]
            case "payment":
                self.payments.append(made["id"])
            case "transfer":
                self.transfers.append(made["id"])

    def request(self, wish: Wish, now_at: int) -> Request | None:
        """Return the request that is wished for, None where there is nothing yet that it could be about."""
        found = (
            self._about_accounts(wish)
            or self._about_settings(wish)
            or self._about_payments(wish)
            or self._about_transfers(wish, now_at)
        )
        if wish.verb == "move the clock":
            found = "POST /v1/test_clock", {"advance_seconds": HOUR * (2, 80, 170, 400)[wish.one % 4]}
        if found is None:
            return None
        client = CLIENTS["operator" if wish.verb in {"fund", "move the clock"} else wish.who]
        method, _, path = found[0].partition(" ")
        return Request(client, method, path, found[1])

    def _about_accounts(self, wish: Wish) -> tuple[str, dict[str, Any]] | None:
        wallet, any_account = f"/v1/accounts/{self._wallet(wish.one)}", f"/v1/accounts/{self._payee(wish.one)}"
        match wish.verb:
            case "open" if len(self.wallets) < MOST_WALLETS:
                return "POST /v1/accounts", {"kind": "wallet", "currency": "USD"}
            case "freeze":
                return f"POST {any_account}/freeze", {}
            case "unfreeze":
                accounts = [*self.wallets, self.kinds["merchant"]]
                return f"POST /v1/accounts/{self._one_of(accounts, wish, 'frozen')}/unfreeze", {}
            case "close":
                return f"POST {wallet if wish.other > 2 else any_account}/close", {}
            case "grant":
                return f"POST {wallet}/grant", {"principal": ("prn_operator", "prn_bob", "prn_bob")[wish.other % 3]}
            case "revoke":
                given = [one for one in self.wallets if self.shown[one]["mandates"]] or self.wallets
                revoked = given[wish.one % len(given)]
                return f"POST /v1/accounts/{revoked}/revoke", {
                    "principal": ("prn_bob", "prn_operator")[wish.other == 0]
                }
        return None

    def _about_settings(self, wish: Wish) -> tuple[str, dict[str, Any]] | None:
        wallet, merchant = f"/v1/accounts/{self._wallet(wish.one)}", f"/v1/accounts/{self.kinds['merchant']}"
        amount = wish.amount or 0
        match wish.verb:
            case "overdraft":
                return f"PATCH {wallet if wish.other else merchant}", {"overdraft_limit": amount}
            case "limit":
                body: dict[str, Any] = {"negative_limit": wish.amount and wish.amount % 20, "metadata": {}}
                return f"PATCH {merchant}", body | ({} if wish.one == 0 else {"slices": 1})
            case "slices":
                return f"PATCH {merchant}", {"slices": 1 + amount % 6, "metadata": {"to": str(amount)}}
            case "fee":
                return f"PATCH {merchant}", {"fee": self._rule(wish)}
            case "rename":
                return f"PATCH /v1/accounts/{self._payee(wish.one)}", {"metadata": {"name": str(amount)}}
        return None

    def _rule(self, wish: Wish) -> dict[str, Any] | None:
        rule = {"account": self.kinds["platform"], "basis_points": (0, 2_500, 2_950, 10_000)[wish.one % 4]}
        return None if wish.amount is None else rule | {"fixed": wish.amount % 40}

    def _about_payments(self, wish: Wish) -> tuple[str, dict[str, Any]] | None:
        more = {} if wish.amount is None else {"amount": wish.amount}
        payer, payee = self._wallet(wish.one), self._payee(wish.other)
        match wish.verb:
            case "pay" | "order" | "hold" if payer != payee:
                body = {"payer": payer, "payee": payee, "currency": "USD", "amount": wish.amount or 60}
                if wish.verb == "order":
                    body["reference"] = f"order-{wish.other % 3}"
                manual = wish.verb == "hold" or (wish.verb == "order" and wish.one % 2)
                return "POST /v1/payments", body | {"capture": "manual" if manual else "automatic"}
            case "capture" | "final" if self.payments:
                path = f"/v1/payments/{self._one_of(self.payments, wish, *HOLDING)}/capture"
                return f"POST {path}", more | {"final": wish.verb == "final"}
            case "cancel" if self.payments:
                return f"POST /v1/payments/{self._one_of(self.payments, wish, *HOLDING)}/cancel", {}
            case "refund" if self.payments:
                return "POST /v1/refunds", more | {"payment": self._one_of(self.payments, wish, *CAPTURED)}
        return None

    def _about_transfers(self, wish: Wish, now_at: int) -> tuple[str, dict[str, Any]] | None:
        more = {} if wish.amount is None else {"amount": wish.amount}
        source, destination = self._wallet(wish.one), self._payee(wish.other)
        body = {"source": source, "destination": destination, "currency": "USD", "amount": wish.amount or 60}
        match wish.verb:
            case "fund":
                return "POST /v1/transfers", body | {"source": self.kinds["external"], "destination": source}
            case "transfer" if source != destination:
                return "POST /v1/transfers", body
            case "set aside" if source != destination:
                return "POST /v1/transfers", body | {"mode": "hold", "expires_in_seconds": HOUR * (1 + wish.other * 40)}
            case "schedule" if source != destination:
                date = to_rfc3339(now_at + 1000 * HOUR * (1 + 30 * wish.other))
                return "POST /v1/transfers", body | {"scheduled_for": date}
            case "batch":
                return "POST /v1/transfers/batch", {"transfers": self._rows(wish)}
            case "post" if self.transfers:
                return f"POST /v1/transfers/{self._one_of(self.transfers, wish, 'held')}/post", more
            case "void" if self.transfers:
                return f"POST /v1/transfers/{self._one_of(self.transfers, wish, 'held', 'scheduled')}/void", {}
            case "reverse" if self.transfers:
                return f"POST /v1/transfers/{self._one_of(self.transfers, wish, 'posted')}/reverse", more
        return None

    def _rows(self, wish: Wish) -> list[dict[str, Any]]:
        """One to four transfers, among them some that pass on what others bring."""
        amount = wish.amount or 1
        pairs = [(self._wallet(wish.one + turn), self._payee(wish.other + turn)) for turn in range(5)]
        moves = [pair for pair in pairs if pair[0] != pair[1]][: 1 + amount % 4]
        return [
            {"source": source, "destination": destination, "currency": "USD", "amount": 1 + amount * turn % 97}
            for turn, (source, destination) in enumerate(moves, 1)
        ]

    def _wallet(self, place: int) -> str:
        return self.wallets[place % len(self.wallets)]

    def _payee(self, place: int) -> str:
        """Half of the places are the merchant: that is where fees, slices and references are."""
        return self.kinds["merchant"] if place % 2 else self._wallet(place // 2)

    def _one_of(self, ids: list[str], wish: Wish, *statuses: str) -> str:
        """Mostly one that was last shown in one of these statuses, sometimes any."""
        fitting = [one for one in ids if self.shown[one]["status"] in statuses] if wish.other else ids
        found = fitting or ids
        return found[-1 - wish.other // 2 % len(found)]
