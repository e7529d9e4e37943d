"""A history as it is lived: requests that are sent, left unknown, sent again, overtaken, and what happens by itself."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from chalicelib.payments.expire import expire
from chalicelib.store.commit import read_audit, read_record
from chalicelib.store.keys import commit_key
from chalicelib.store.port import Item, Key, OutcomeUnknown, Throttled, Unreachable
from chalicelib.transfers.due import happen as happen_to_transfer
from chalicelib.web.internal import Sweeper
from chalicelib.web.tenant_clock import tenant_now_at
from tests.doubles.audit import audit
from tests.doubles.late_dynamo import LateDynamo
from tests.doubles.ledger_rules import RuledDynamo
from tests.doubles.platform import Context, Platform, Response
from tests.doubles.time_and_chance import HandClock, SeededChance
from tests.property.books import DONE, Books
from tests.property.model import happen, overdue, play
from tests.property.wishes import CLIENTS, TENANT, Known, Request, Wish

FINAL = {200, 201, 402}
FUNDS = 500


@dataclass
class Sent:
    """One request, when it was sent first, and every answer it was given."""

    request: Request
    at: int
    answers: list[Response] = field(default_factory=list)

    @property
    def resolved(self) -> bool:
        return bool(self.answers) and self.answers[-1].status != 503


class History:
    """A sandbox ledger with an operator, who owns what is there at first, and Bob, who may be given mandates."""

    def __init__(self, seed: int, rate: float = 0.0, late_rate: float = 0.0) -> None:
        self.items = RuledDynamo()
        self.store = LateDynamo(self.items, seed=seed)
        self.clock = HandClock()
        self.platform = Platform(self.store, self.clock, SeededChance(seed))
        self.sweepers = [
            Sweeper("payment", expire, lambda: self.platform.bench),
            Sweeper("transfer", happen_to_transfer, lambda: self.platform.bench),
        ]
        self.known = Known()
        self.sent: dict[str, Sent] = {}
        self._arrange()
        self.store.rate, self.store.late_rate = rate, late_rate

    def _arrange(self) -> None:
        operator = CLIENTS["operator"]
        for client in CLIENTS.values():
            self.platform.register(client)
        for kind in ("external", "platform", "merchant", "wallet", "wallet", "wallet"):
            self.send(Request(operator, "POST", "/v1/accounts", {"kind": kind, "currency": "USD"}))
        for wallet in self.known.wallets[:2]:
            body = {"source": self.known.kinds["external"], "destination": wallet, "currency": "USD", "amount": FUNDS}
            self.send(Request(operator, "POST", "/v1/transfers", body))

    def now_at(self) -> int:
        """The tenant's time."""
        return tenant_now_at(self.items, self.clock, TENANT)

    def step(self, way: str, wish: Wish, other: Wish) -> None:
        match way:
            case "send":
                self.wish(wish)
            case "send while":
                self.store.meanwhile.append(lambda: self.wish(other))
                self.wish(wish)
                self.store.meanwhile.clear()
            case "again":
                self._again(wish.one)
            case "arrive" if self.store.on_their_way:
                self.store.arrive(wish.one % len(self.store.on_their_way))

    def wish(self, wish: Wish) -> None:
        if wish.verb == "sweep":
            self.sweep()
        elif (request := self.known.request(wish, self.now_at())) is not None:
            self.send(request)

    def send(self, request: Request) -> None:
        key = f"h{len(self.sent)}"
        self.sent[key] = Sent(request, self.now_at())
        self._send(key)

    def sweep(self) -> None:
        """Start both sweepers; one that fails is started again by its schedule."""
        before = len(self.records())
        for sweeper in self.sweepers:
            with suppress(Throttled, Unreachable, OutcomeUnknown):
                sweeper({}, Context())
        for record in (one for one in self.records()[before:] if str(one["sk"]).startswith("s/")):
            self.known.learn(orjson.loads(read_record(record).answer.body))

    def settle(self) -> None:
        """Heal the network, send whatever is still unknown once more, and let happen what is due."""
        self.store.heal()
        for key, sent in self.sent.items():
            if not sent.resolved:
                self._send(key)
            assert sent.resolved, f"{sent} is unknown although nothing failed"
        self._let_the_refused_arrive()
        self.sweep()

    def _let_the_refused_arrive(self) -> None:
        """Only what is committed, a decline too, is certain to keep its own late writes from having an effect."""
        refused = {self._record_key(key) for key, sent in self.sent.items() if sent.answers[-1].status not in FINAL}
        for place in reversed(range(len(self.store.on_their_way))):
            if self.store.on_their_way[place][0][0].key in refused:
                self.store.arrive(place)

    def _again(self, place: int) -> None:
        unknown = [key for key, sent in self.sent.items() if sent.answers and not sent.resolved]
        if unknown:
            self._send(unknown[place % len(unknown)])

    def _send(self, key: str) -> None:
        sent = self.sent[key]
        answer = self._ask(sent.request, key)
        sent.answers.append(answer)
        assert answer.status != 500, answer
        if answer.status in {200, 201}:
            self.known.learn(answer.json)
        if answer.status == 503 and answer.json["code"] == "busy" and len(sent.answers) == 1:
            assert self._record(key) is None, "it said that nothing was done"

    def _ask(self, request: Request, key: str, **changes: Any) -> Response:
        return self.platform.request(request.client, request.method, request.path, request.body | changes, key=key)

    def _record_key(self, key: str) -> Key:
        return commit_key(TENANT, f"c/{self.sent[key].request.client.principal}/{key}")

    def _record(self, key: str) -> Item | None:
        return self.items.items.get(self._record_key(key))

    def records(self) -> list[Item]:
        """The commit records in the order in which they were made."""
        return [item for key, item in self.items.items.items() if key.table == "commits"]

    # What must hold of any history, once everything is resolved.

    def check(self, books: Books) -> None:
        """`books` are those of the model, which has played everything that took effect."""
        settled = dict(self.items.items)
        self._check_answers()
        self._check_reuse()
        while self.store.on_their_way:
            self.store.arrive()
        assert self.items.items == settled, "a write that arrived late had an effect of its own"
        audit(self.items.items)
        assert not overdue(books, self.now_at()), "something was due and did not happen"
        self._check_books(books)

    def _check_answers(self) -> None:
        for key, sent in self.sent.items():
            record, final = self._record(key), sent.answers[-1]
            if final.status not in FINAL:
                assert record is None or _overtaken(sent), f"{sent}: a commit, or a refusal, never both"
            else:
                assert record is not None, f"{sent}: an answer without its commit"
                assert final.text == read_record(record).answer.body.decode()
            if record is not None:
                again = self._ask(sent.request, key)
                assert (again.status, again.text) == (record["st"], read_record(record).answer.body.decode())
                assert again.headers["Idempotent-Replayed"] == "true"

    def _check_reuse(self) -> None:
        """A key belongs to one request for ever, whatever became of what that request made."""
        for key, sent in self.sent.items():
            if self._record(key) is not None and "amount" in sent.request.body:
                reused = self._ask(sent.request, key, amount=sent.request.body["amount"] + 1)
                assert (reused.status, reused.json["code"]) == (422, "idempotency_key_reused")

    def check_balances(self, books: Books) -> None:
        """Compare what each account has with what the model says it has."""
        for identifier, account in books.accounts.items():
            stored = (self.items.posted[identifier], self.items.held[identifier])
            assert stored == (account.posted, account.held), identifier

    def _check_books(self, books: Books) -> None:
        """Compare everything that there is with what the model says there is."""
        for identifier, account in books.accounts.items():
            shown = self._shown("accounts", identifier)
            money = shown["balance"]
            assert (money["posted"], money["held"]) == (account.posted, account.held), identifier
            assert (shown["status"], shown["version"]) == (account.status, account.version), identifier
            assert (shown["owner"], shown["metadata"]) == (account.owner, account.metadata), identifier
            assert money.get("spendable") == (None if account.limit is None else account.spendable), identifier
            if account.kind == "wallet":
                assert (shown["overdraft_limit"], set(shown["mandates"])) == (account.limit, account.mandates)
            else:
                settings = (shown["slices"], shown.get("fee"), shown.get("negative_limit"))
                assert settings == (account.slices, account.fee, account.limit), identifier
        self._check_objects(books)
        clock = self.platform.request(CLIENTS["operator"], "GET", "/v1/test_clock").json
        assert clock["ahead_seconds"] == books.ahead_seconds

    def _check_objects(self, books: Books) -> None:
        for identifier, payment in books.payments.items():
            shown = self._shown("payments", identifier)
            assert (shown["status"], shown["version"]) == (payment.status, payment.version), identifier
            amounts = (shown["amount_captured"], shown["amount_refunded"], shown["fee"])
            assert amounts == (payment.captured, payment.refunded, payment.fee), identifier
        for identifier, transfer in books.transfers.items():
            shown = self._shown("transfers", identifier)
            assert (shown["status"], shown["version"]) == (transfer.status, transfer.version), identifier
            assert (shown["amount_posted"], shown["amount_reversed"]) == (transfer.posted, transfer.reversed)

    def _shown(self, room: str, identifier: str) -> Any:
        answer = self.platform.request(CLIENTS["operator"], "GET", f"/v1/{room}/{identifier}")
        assert answer.status == 200, answer
        return answer.json


def _overtaken(sent: Sent) -> bool:
    """Whether an earlier try may still have been on its way when a later one was refused.

    What is not remembered cannot stop it: it is done if what was missing (a mandate, a free reference) comes before it
    arrives. A decline is a commit, so nothing overtakes that.
    """
    return any(answer.json.get("code") == "outcome_unknown" for answer in sent.answers[:-1])


def played(history: History, books: Books, records: list[Item]) -> None:
    """Play what took effect, in the order of the commits: the model must be able to do each of them."""
    for record in records:
        answer = orjson.loads(read_record(record).answer.body)
        _, principal, key = str(record["sk"]).split("/", 2)
        if str(record["sk"]).startswith("s/"):
            assert happen(books, key, read_audit(record).at, declined=answer["status"] == "declined") == DONE, record
        elif record["st"] != 402:
            request = history.sent[key].request
            assert request.client.principal == principal
            code = play(books, principal, request.path, request.body, answer, read_audit(record).at)
            assert code == DONE, (request, code)
        else:  # it was true when it was decided, and funds may have come before it was written
            assert not record["l"], "a decline moves nothing"
