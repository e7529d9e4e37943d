"""The path of a request: every verb repeated, interrupted, refused and raced."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chalicelib.kernel.problems import CATALOGUE
from chalicelib.store.patience import MAXIMUM_TRIES
from chalicelib.store.port import OutcomeUnknown, Write
from chalicelib.web.serve import Service
from tests.doubles.audit import audit
from tests.doubles.faulty_dynamo import Fault, FaultyDynamo
from tests.doubles.platform import Context, Response
from tests.doubles.small_ledger import ALICE, BOB, OPERATOR, SmallLedger
from tests.doubles.verbs import VERBS, VERSIONED, Sending, Verb, name_of

EVERY_VERB = pytest.mark.parametrize("verb", VERBS, ids=name_of)
EVERY_VERSIONED = pytest.mark.parametrize("verb", VERSIONED, ids=name_of)


def _arranged(verb: Verb) -> tuple[SmallLedger, Sending]:
    ledger = SmallLedger()
    return ledger, verb.arrange(ledger)


def _same_answer(first: Response, again: Response) -> None:
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers == {**first.headers, "Idempotent-Replayed": "true"}


# A retry must not refuse itself.


@EVERY_VERB
def test_the_first_answer_is_given_again(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    first = sending.send(ledger)
    after = ledger.snapshot()
    assert first.status == verb.status
    assert "Idempotent-Replayed" not in first.headers
    for key in ("the-key", '"the-key"'):
        _same_answer(first, sending.send(ledger, key))
    assert ledger.snapshot() == after
    audit(ledger.store.inner.items)


@EVERY_VERSIONED
@pytest.mark.parametrize("again", [None, "old", "new"])
def test_whatever_version_the_retry_insists_on(verb: Verb, again: str | None) -> None:
    ledger, sending = _arranged(verb)
    old = {"If-Match": f'"{verb.version}"'}
    first = sending.send(ledger, headers=old)
    assert first.status == verb.status
    sent = {None: {}, "old": old, "new": {"If-Match": '"99"'}}[again]
    _same_answer(first, sending.send(ledger, headers=sent))


@EVERY_VERB
def test_the_first_answer_is_given_again_however_the_world_has_changed(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    first = sending.send(ledger)
    for account in (ledger.alice, ledger.bob, ledger.shop):
        ledger.change(account, s="closed", o="prn_nobody")
    ledger.clock.move(365 * 86_400)
    _same_answer(first, sending.send(ledger))


@EVERY_VERB
def test_done_and_the_answer_lost(verb: Verb) -> None:
    """The ledger's answer is lost: the same request finds its own commit."""
    ledger, sending = _arranged(verb)
    ledger.store.transacts.append(Fault.LOST_AFTER)
    first = sending.send(ledger)
    assert (first.status, first.headers["Idempotent-Replayed"]) == (verb.status, "true")
    assert sending.send(ledger).text == first.text
    audit(ledger.store.inner.items)


class Severed(FaultyDynamo):
    """Once an answer is lost the line is dead."""

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        try:
            super().transact(writes, token=token, timeout_seconds=timeout_seconds)
        except OutcomeUnknown:
            self.rate = 1.0
            raise


@EVERY_VERB
@pytest.mark.parametrize(("fault", "replayed"), [(Fault.LOST_AFTER, True), (Fault.LOST_BEFORE, False)])
def test_nobody_knows_whether_it_was_done(verb: Verb, fault: Fault, replayed: bool) -> None:
    """The caller is told so, and its retry with the same key finds out, or does it."""
    ledger = SmallLedger(store=Severed(kinds=(Fault.UNREACHABLE,)))
    sending = verb.arrange(ledger)
    ledger.store.transacts.append(fault)
    unknown = sending.send(ledger)
    assert (unknown.status, unknown.json["code"]) == (503, "outcome_unknown")
    assert unknown.headers["Retry-After"] == "1"
    ledger.store.rate = 0.0
    again = sending.send(ledger)
    assert again.status == verb.status
    assert ("Idempotent-Replayed" in again.headers) is replayed
    assert sending.send(ledger).text == again.text
    audit(ledger.store.inner.items)


@EVERY_VERB
@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.THROTTLED, Fault.UNREACHABLE])
def test_busy_is_not_done(verb: Verb, fault: Fault) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    ledger.store.transacts.extend([fault] * 20)
    busy = sending.send(ledger)
    assert (busy.status, busy.json["code"], busy.headers["Retry-After"]) == (503, "busy", "1")
    assert ledger.snapshot() == before
    ledger.store.transacts.clear()
    done = sending.send(ledger)
    assert done.status == verb.status
    assert "Idempotent-Replayed" not in done.headers


@EVERY_VERB
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.LOST_BEFORE, Fault.UNREACHABLE])
def test_reads_that_fail_are_tried_again(verb: Verb, fault: Fault) -> None:
    ledger, sending = _arranged(verb)
    ledger.clock.move(5)
    ledger.store.reads.extend([fault, None, fault])
    assert sending.send(ledger).status == verb.status


def test_a_ledger_that_cannot_be_read_leaves_it_unknown_whether_the_key_was_used() -> None:
    ledger = SmallLedger()
    ledger.store.reads.extend([Fault.LOST_BEFORE] * 30)
    assert ledger.pay().json["code"] == "outcome_unknown"


@EVERY_VERB
def test_busy_does_not_deny_what_an_earlier_request_did(verb: Verb) -> None:
    ledger = SmallLedger(store=FaultyDynamo(kinds=(Fault.THROTTLED,)))
    sending = verb.arrange(ledger)
    assert sending.send(ledger).status == verb.status
    ledger.store.rate = 1.0
    answer = sending.send(ledger)
    assert answer.status == 503
    assert "nothing was done" not in answer.text


@EVERY_VERB
def test_patience_is_shared_by_everything_one_request_does(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    ledger.store.rate = 1.0
    assert sending.send(ledger).status == 503
    assert sum(ledger.store.faults.values()) <= 2 * MAXIMUM_TRIES
    assert sum(ledger.clock.waited_seconds) < 20


# A refusal looks for its own commit first.


@EVERY_VERSIONED
def test_a_refusal_is_followed_by_a_look_at_the_record(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    sending.send(ledger, "first")
    ledger.store.reset_counters()
    refused = sending.send(ledger, "second", headers={"If-Match": f'"{verb.version}"'})
    assert refused.status == 412
    assert ledger.store.round_trips == {"get": 2}, "the object, then the record"


@EVERY_VERSIONED
def test_a_refusal_that_cannot_look_is_not_given(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    sending.send(ledger, "first")
    ledger.store.reads.extend([None, *[Fault.THROTTLED] * 20])
    assert sending.send(ledger, "second", headers={"If-Match": '"77"'}).status == 503


# Versions.


@EVERY_VERSIONED
def test_a_stale_version_is_refused_and_nothing_done(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    refused = sending.send(ledger, headers={"If-Match": '"77"'})
    assert (refused.status, refused.json["code"], refused.json["param"]) == (412, "precondition_failed", "If-Match")
    assert ledger.snapshot() == before
    assert sending.send(ledger).status == verb.status, "a refusal is not remembered"


@EVERY_VERB
@pytest.mark.parametrize("tag", ["1", "*", 'W/"1"', '"a"', ""])
def test_a_malformed_version(verb: Verb, tag: str) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    assert sending.send(ledger, headers={"If-Match": tag}).json["code"] == "if_match_invalid"
    assert ledger.snapshot() == before


class Racing(FaultyDynamo):
    """Something else happens right before each of the next transactions."""

    events: list[Callable[[], object]]

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        events, self.events = getattr(self, "events", []), []
        if events:
            events[0]()
            self.events = events[1:]
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)


def _raced() -> tuple[SmallLedger, Racing, str]:
    store = Racing()
    ledger = SmallLedger(store=store)
    return ledger, store, ledger.authorize(amount=100)


def test_what_moved_on_is_decided_anew_from_a_fresh_read() -> None:
    ledger, store, payment = _raced()
    store.events = [lambda: ledger.step(payment, "capture", amount=30)]
    captured = ledger.step(payment, "capture")
    assert (captured.status, captured.json["amount_captured"], captured.json["version"]) == (200, 100, 3)
    assert ledger.balance(ledger.alice)["held"] == 0
    audit(store.inner.items)


def test_a_fresh_read_can_refuse() -> None:
    ledger, store, payment = _raced()
    store.events = [lambda: ledger.step(payment, "cancel")]
    assert ledger.step(payment, "capture").json["code"] == "state_conflict"
    audit(store.inner.items)


def test_a_fresh_read_can_find_the_version_gone() -> None:
    ledger, store, payment = _raced()
    store.events = [lambda: ledger.step(payment, "capture", amount=30)]
    refused = ledger.post(ALICE, f"/v1/payments/{payment}/capture", {}, headers={"If-Match": '"1"'})
    assert refused.status == 412


def test_one_key_raced_by_itself_has_one_effect() -> None:
    ledger, store, payment = _raced()
    seen: list[Response] = []
    store.events = [lambda: seen.append(ledger.step(payment, "capture", key="one", amount=30))]
    again = ledger.step(payment, "capture", key="one", amount=30)
    _same_answer(seen[0], again)
    assert ledger.get(ALICE, f"/v1/payments/{payment}").json["amount_captured"] == 30


def test_others_that_never_stop_end_in_a_version_conflict() -> None:
    ledger, store, payment = _raced()
    store.events = [lambda: ledger.step(payment, "capture", amount=1)] * 20
    refused = ledger.step(payment, "capture", key="last", amount=1)
    assert (refused.status, refused.json["code"]) == (409, "version_conflict")
    store.events = []
    assert ledger.step(payment, "capture", key="last", amount=1).status == 200
    audit(store.inner.items)


# Nothing but an answer leaves.


def _service(route: str, operation: Any) -> tuple[SmallLedger, Service]:
    ledger = SmallLedger()
    room = next(service for service in ledger.platform.services if route in service.routes)
    room.routes = {**room.routes, route: type(room.routes[route])(operation)}
    return ledger, room


def test_a_fault_of_ours_is_said_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("secret detail of ours")

    ledger, _ = _service("GET /v1/payments", broken)
    with caplog.at_level(logging.CRITICAL):
        answer = ledger.get(OPERATOR, "/v1/payments")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


def test_a_method_that_is_not_offered() -> None:
    ledger = SmallLedger()
    payments = ledger.platform.services[1]
    event = {
        "httpMethod": "DELETE",
        "resource": "/v1/payments",
        "path": "/v1/payments",
        "requestContext": {"requestId": "r"},
    }
    assert payments(event, Context())["statusCode"] == 405


def test_the_route_that_was_authorized_is_the_route_that_runs() -> None:
    """F28: the path is never matched again, whatever is written in it."""
    ledger = SmallLedger()
    payments = ledger.platform.services[1]
    event = {
        "httpMethod": "GET",
        "resource": "/v1/payments/{id}",
        "path": "/v1/payments/pay_1/../../payments",
        "pathParameters": {"id": "pay_1/../../payments"},
        "requestContext": {
            "requestId": "r",
            "authorizer": {"claims": OPERATOR.claims()},
            "identity": {"apiKeyId": "key_cl_operator"},
        },
    }
    assert payments(event, Context())["statusCode"] == 404


@pytest.mark.parametrize("remaining_ms", [0, 500, 1_000, 1_100])
def test_a_function_about_to_be_killed_still_answers(remaining_ms: int) -> None:
    ledger = SmallLedger(store=FaultyDynamo(transacts=[]))
    ledger.store.rate = 1.0
    payments = ledger.platform.services[1]
    event = {
        "httpMethod": "GET",
        "resource": "/v1/payments",
        "path": "/v1/payments",
        "requestContext": {
            "requestId": "r",
            "authorizer": {"claims": OPERATOR.claims()},
            "identity": {"apiKeyId": "key_cl_operator"},
        },
    }
    assert payments(event, Context(remaining_ms))["statusCode"] == 503
    assert sum(ledger.clock.waited_seconds) <= max(0, remaining_ms / 1_000 - 1)


def test_answers_are_never_cached_and_name_their_request() -> None:
    ledger = SmallLedger()
    for answer in (ledger.pay(), ledger.pay(amount=0), ledger.get(OPERATOR, "/v1/payments")):
        assert answer.headers["Cache-Control"] == "no-store"
    refused = ledger.pay(BOB)
    assert refused.json["instance"] == f"req-{ledger.platform.requests}"
    assert refused.json["code"] in CATALOGUE


@pytest.mark.parametrize("path", ["/v1/accounts/{}", "/v1/payments/{}", "/v1/refunds/{}", "/v1/transfers/{}"])
@pytest.mark.parametrize("identifier", ["x" * 1_025, "\N{EURO SIGN}" * 400])
def test_what_cannot_be_an_id_is_not_asked_for(path: str, identifier: str) -> None:
    ledger = SmallLedger()
    ledger.get(OPERATOR, path.rpartition("/")[0])
    ledger.store.reset_counters()
    assert ledger.get(OPERATOR, path.format(identifier)).status == 404
    assert ledger.store.round_trips["get"] == 0
