"""Random histories against the model, with every fault a network knows: no money made or lost, no effect twice.

Requests are sent, left unknown, sent again with their keys, overtaken by others and by their own late writes. What
took effect is read from the commit records in the order they were made; the model, playing the same requests in that
order, must be able to do each of them and come to the same balances: the journal is an order that explains all.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.ledger.chart import has_floor, slices_of
from chalicelib.store.commit import read_record
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Item
from tests.doubles.audit import audit
from tests.doubles.late_dynamo import LateDynamo
from tests.doubles.platform import Response
from tests.doubles.small_ledger import OPERATOR, TENANT, SmallLedger
from tests.property.model import DONE, Model

HISTORIES = settings(
    max_examples=50,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking such a history takes minutes: the blob replays it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FINAL = {200, 201, 402}

amounts = st.integers(1, 120)
places = st.integers(0, 3)
sends = st.one_of(
    st.tuples(st.just("transfer"), places, places, amounts),
    st.tuples(st.just("fund"), places, places, amounts),
    st.tuples(st.just("pay"), places, places, amounts),
    st.tuples(st.just("hold"), places, places, amounts),
    st.tuples(st.just("hold"), places, places, amounts),
    st.tuples(st.sampled_from(["capture", "final"]), places, places, st.none() | amounts),
    st.tuples(st.just("cancel"), places, places, st.none()),
    st.tuples(st.just("refund"), places, places, st.none() | amounts),
    st.tuples(st.just("set aside"), places, places, amounts),
    st.tuples(st.just("batch"), places, places, amounts),
    st.tuples(st.sampled_from(["post", "reverse"]), places, places, st.none() | amounts),
    st.tuples(st.just("void"), places, places, st.none()),
    st.tuples(st.sampled_from(["freeze", "unfreeze"]), places, places, st.none()),
)
steps = st.one_of(
    st.tuples(st.just("send"), sends),
    st.tuples(st.just("send"), sends),
    st.tuples(st.just("send"), sends),
    st.tuples(st.just("send while"), sends, sends),
    st.tuples(st.just("send while"), sends, sends),
    st.tuples(st.just("again"), places),
    st.tuples(st.just("arrive"), places),
)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """A line per request of a thousand histories would be kept in memory."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@dataclass
class Sent:
    """One request and every answer it was given."""

    path: str
    body: dict[str, Any]
    answers: list[Response] = field(default_factory=list)

    @property
    def resolved(self) -> bool:
        return bool(self.answers) and self.answers[-1].status != 503


class History:
    """A ledger whose accounts are all the operator's, and the requests made of it."""

    def __init__(self, seed: int, rate: float, late_rate: float) -> None:
        self.store = LateDynamo(seed=seed)
        self.ledger = SmallLedger(seed=seed, store=self.store)
        self.wallets = [self.ledger.open(OPERATOR, "wallet") for _ in range(3)]
        self.payees = [*self.wallets, self.ledger.open(OPERATOR, "merchant")]
        for wallet in self.wallets[:2]:
            self.ledger.fund(wallet, 200)
        self.sent: dict[str, Sent] = {}
        self.payments: list[str] = []
        self.transfers: list[str] = []
        self.arranged = {record["sk"] for record in self.ledger.records()}
        self.store.rate, self.store.late_rate = rate, late_rate

    def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case "send", what:
                self._send_new(what)
            case "send while", what, meanwhile:
                self.store.meanwhile.append(lambda: self._send_new(meanwhile))
                self._send_new(what)
                self.store.meanwhile.clear()
            case "again", place:
                self._again(place)
            case "arrive", place if self.store.on_their_way:
                self.store.arrive(place % len(self.store.on_their_way))

    def settle(self) -> None:
        """Heal the network and send whatever is still unknown once more."""
        self.store.heal()
        for key, sent in self.sent.items():
            if not sent.resolved:
                self._send(key)
            assert sent.resolved, f"{sent} is unknown although nothing failed"

    def _send_new(self, what: tuple[Any, ...]) -> None:
        request = self._request(*what)
        if request is not None:
            key = f"h{len(self.sent)}"
            self.sent[key] = Sent(*request)
            self._send(key)

    def _again(self, place: int) -> None:
        unknown = [key for key, sent in self.sent.items() if sent.answers and not sent.resolved]
        if unknown:
            self._send(unknown[place % len(unknown)])

    def _send(self, key: str) -> None:
        sent = self.sent[key]
        answer = self.ledger.post(OPERATOR, sent.path, sent.body, key=key)
        sent.answers.append(answer)
        assert answer.status != 500, answer
        if answer.status == 201 and sent.path == "/v1/payments":
            self.payments.append(answer.json["id"])
        if answer.status == 201 and answer.json["object"] == "transfer":
            self.transfers.append(answer.json["id"])
        if answer.status == 503 and answer.json["code"] == "busy" and len(sent.answers) == 1:
            assert self.record(key) is None, "it said that nothing was done"

    def record(self, key: str) -> Item | None:
        return next(
            (record for record in self.ledger.records() if record["sk"] == f"c/{OPERATOR.principal}/{key}"), None
        )

    def _request(self, verb: str, one: int, other: int, amount: int | None) -> tuple[str, dict[str, Any]] | None:
        wallet, payee = self.wallets[one % 3], self.payees[other]
        more = {} if amount is None else {"amount": amount}
        match verb:
            case "fund":
                source = self.ledger.external
                return "/v1/transfers", {"source": source, "destination": wallet, "currency": "USD", **more}
            case "transfer" if wallet != payee:
                return "/v1/transfers", {"source": wallet, "destination": payee, "currency": "USD", **more}
            case "set aside" if wallet != payee:
                body = {"source": wallet, "destination": payee, "currency": "USD", "mode": "hold", **more}
                return "/v1/transfers", body
            case "batch":
                return "/v1/transfers/batch", {"transfers": self._rows(one, other, amount or 1)}
            case "post" | "void" | "reverse" if self.transfers:
                return f"/v1/transfers/{self.transfers[-1 - other % len(self.transfers)]}/{verb}", more
            case "pay" | "hold" if wallet != payee:
                capture = "manual" if verb == "hold" else "automatic"
                return "/v1/payments", {"payer": wallet, "payee": payee, "currency": "USD", "capture": capture, **more}
            case "freeze" | "unfreeze":
                return f"/v1/accounts/{wallet}/{verb}", {}
            case "capture" | "final" | "cancel" | "refund" if self.payments:
                return self._follow_up(verb, self.payments[-1 - other % len(self.payments)], more)
        return None

    def _rows(self, one: int, other: int, amount: int) -> list[dict[str, Any]]:
        """One to four transfers, among them some that pass on what others bring."""
        pairs = [(self.wallets[(one + turn) % 3], self.payees[(other + turn) % 4]) for turn in range(4)]
        moves = [pair for pair in pairs if pair[0] != pair[1]][: 1 + amount % 4]
        return [
            {"source": source, "destination": destination, "currency": "USD", "amount": 1 + amount * turn % 97}
            for turn, (source, destination) in enumerate(moves, 1)
        ]

    def _follow_up(self, verb: str, payment: str, more: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if verb == "refund":
            return "/v1/refunds", {"payment": payment, **more}
        if verb == "cancel":
            return f"/v1/payments/{payment}/cancel", {}
        return f"/v1/payments/{payment}/capture", {"final": verb == "final", **more}

    # What must hold of any history, once everything is resolved.

    def check(self) -> None:
        settled = self.ledger.snapshot()
        self._check_answers()
        self._check_model()
        while self.store.on_their_way:
            self.store.arrive()
        assert self.ledger.snapshot() == settled, "a write that arrived late had an effect of its own"
        audit(self.store.inner.items)

    def _check_answers(self) -> None:
        for key, sent in self.sent.items():
            record = self.record(key)
            final = sent.answers[-1]
            assert (record is not None) == (final.status in FINAL), f"{sent}: a commit, or a refusal, never both"
            if record is not None:
                assert final.text == read_record(record).answer.body.decode()
                again = self.ledger.post(OPERATOR, sent.path, sent.body, key=key)
                assert (again.status, again.text) == (final.status, final.text)
                assert again.headers["Idempotent-Replayed"] == "true"

    def _check_model(self) -> None:
        accounts = [*self.payees, self.ledger.external]
        model = Model(frozenset(account for account in accounts if has_floor(account)))
        for wallet in self.wallets[:2]:
            model.posted[wallet] += 200
        model.posted[self.ledger.external] -= 200 + 200 + 10_000  # what Alice was given
        for record in self.ledger.records():
            if record["sk"] not in self.arranged:
                self._play(model, record)
        for account in accounts:
            assert self._balance(account) == (model.posted[account], model.held[account]), account
        for identifier, payment in model.payments.items():
            item = self.ledger.state("payment", identifier)
            assert (item["ac"], item["ar"]) == (payment.captured, payment.refunded), identifier
            assert item["v"] == payment.version, (
                f"{identifier} was changed by more or fewer commits than its version says"
            )

        for identifier, transfer in model.transfers.items():
            item = self.ledger.state("transfer", identifier)
            assert (item["ap"], item["ar"]) == (transfer.posted, transfer.reversed), identifier
            assert item["v"] == transfer.version, identifier

    def _play(self, model: Model, record: Item) -> None:
        """A decline moves nothing; it was true when it was decided, and funds may have come before it was written."""
        sent = self.sent[str(record["sk"]).removeprefix(f"c/{OPERATOR.principal}/")]
        answer = read_record(record).answer
        if answer.status == 402:
            assert not record["l"]
            return
        made = orjson.loads(answer.body)["id"]
        assert model.play(sent.path, sent.body, made) == DONE, sent

    def _balance(self, account: str) -> tuple[int, int]:
        items = [self.store.inner.items[balance_key(TENANT, account, n)] for n in range(slices_of(account))]
        return sum(item["p"] for item in items), sum(item["h"] for item in items)  # type: ignore[misc]


@HISTORIES
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 0.8]),
    st.sampled_from([0.0, 0.3, 0.8]),
    st.lists(steps, min_size=30, max_size=60),
)
def test_any_history_with_faults(seed: int, rate: float, late_rate: float, history: list[tuple[Any, ...]]) -> None:
    played = History(seed, rate, late_rate)
    for step in history:
        played.step(step)
    played.settle()
    played.check()


@HISTORIES
@given(st.integers(0, 2**32), st.lists(sends, min_size=30, max_size=60))
def test_without_faults_every_refusal_is_the_models_too(seed: int, requests: list[tuple[Any, ...]]) -> None:
    played = History(seed, 0.0, 0.0)
    model = Model(frozenset(played.wallets))
    for wallet in played.wallets[:2]:
        model.posted[wallet] = 200
    for request in requests:
        before = len(played.sent)
        played.step(("send", request))
        for sent in list(played.sent.values())[before:]:
            (answer,) = sent.answers
            assert model.play(sent.path, sent.body, answer.json.get("id", "")) == answer.json.get("code", DONE), sent
    played.check()
