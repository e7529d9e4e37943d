"""What a request is asked before its operation runs: a key, a known client, a body; for every verb."""

import pytest

from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR, SmallLedger
from tests.doubles.verbs import VERBS, Sending, Verb, name_of

EVERY_VERB = pytest.mark.parametrize("verb", VERBS, ids=name_of)


def _arranged(verb: Verb) -> tuple[SmallLedger, Sending]:
    ledger = SmallLedger()
    return ledger, verb.arrange(ledger)


# Keys.


@EVERY_VERB
def test_a_key_is_required(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    refused = ledger.platform.request(sending.client, "POST", sending.path, sending.body)
    assert (refused.status, refused.json["code"]) == (400, "idempotency_key_missing")
    assert ledger.snapshot() == before


@EVERY_VERB
@pytest.mark.parametrize("key", ["k" * 256, "", "sch\xf6n"])
def test_an_unusable_key(verb: Verb, key: str) -> None:
    ledger, sending = _arranged(verb)
    assert sending.send(ledger, key).json["code"] == "idempotency_key_invalid"


@EVERY_VERB
def test_a_key_of_another_request(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    other = Sending(sending.client, "/v1/accounts", {"kind": "wallet", "currency": "JPY"})
    assert other.send(ledger).status == 201
    before = ledger.snapshot()
    refused = sending.send(ledger)
    assert (refused.status, refused.json["code"], refused.json["param"]) == (
        422,
        "idempotency_key_reused",
        "Idempotency-Key",
    )
    assert ledger.snapshot() == before


@EVERY_VERB
def test_a_key_of_another_principal_is_another_key(verb: Verb) -> None:
    """Nobody can take a key from somebody else, nor be answered with what somebody else did."""
    ledger, sending = _arranged(verb)
    other = Client("cl_second", "prn_second", "operator")
    ledger.platform.register(other)
    taken = ledger.post(other, "/v1/accounts", {"kind": "wallet", "currency": "JPY"}, key="the-key")
    assert taken.status == 201
    answer = sending.send(ledger)
    assert answer.status == verb.status
    assert "Idempotent-Replayed" not in answer.headers
    again = sending.send(ledger)
    assert (again.text, again.headers["Idempotent-Replayed"]) == (answer.text, "true")


@EVERY_VERB
def test_another_tenants_key_is_another_key(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    assert ledger.post(ELSEWHERE, "/v1/accounts", {"kind": "wallet", "currency": "USD"}, key="the-key").status == 201
    assert sending.send(ledger).status == verb.status


def test_the_order_of_a_bodys_names_is_no_difference() -> None:
    ledger = SmallLedger()
    pairs = {"amount": 100, "currency": "USD", "payer": ledger.alice, "payee": ledger.shop}
    first = ledger.post(ALICE, "/v1/payments", pairs, key="k")
    again = ledger.post(ALICE, "/v1/payments", dict(reversed(pairs.items())), key="k")
    assert (again.status, again.text, again.headers["Idempotent-Replayed"]) == (201, first.text, "true")


# Who is asking.


@EVERY_VERB
def test_another_tenants_operator_sees_nothing_of_it(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    answer = Sending(ELSEWHERE, sending.path, sending.body).send(ledger)
    if verb.name == "accounts.create":
        assert answer.status == 201
    else:
        assert answer.status == 404
        assert ledger.snapshot() == before


@EVERY_VERB
def test_a_revoked_client_is_refused_after_five_seconds(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    sending.send(ledger, "while active")
    ledger.revoke(sending.client)
    ledger.clock.move(5)
    before = ledger.snapshot()
    refused = sending.send(ledger, "afterwards")
    assert (refused.status, refused.json["code"]) == (401, "client_revoked")
    assert ledger.snapshot() == before


@EVERY_VERB
def test_another_clients_api_key(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    refused = sending.send(ledger, api_key_id="key_cl_somebody")
    assert (refused.status, refused.json["param"]) == (403, "x-api-key")
    assert ledger.snapshot() == before


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/payments", "/v1/refunds", "/v1/transfers"])
def test_reading_needs_an_active_client_and_its_own_api_key_too(path: str) -> None:
    ledger = SmallLedger()
    assert ledger.platform.request(OPERATOR, "GET", path, api_key_id="key_other").status == 403
    ledger.revoke(OPERATOR)
    ledger.clock.move(5)
    assert ledger.get(OPERATOR, path).status == 401


# Bodies.


@EVERY_VERB
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('{"a":1,"a":1}', "invalid_json"),
        ("[]", "invalid_json"),
        ("\ufeff{}", "invalid_json"),
        ('{"amount":NaN}', "invalid_json"),
        ('{"amount":1e400}', "invalid_json"),
        ('{"amount":' + "9" * 4301 + "}", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"surprise":1}', "invalid_request"),
        ('{"id":"pay_1"}', "invalid_request"),
        ('{"a":"' + "x" * 262_144 + '"}', "request_too_large"),
    ],
    ids=lambda value: value[:20],
)
def test_a_bad_body(verb: Verb, raw: str, code: str) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    refused = ledger.post(sending.client, sending.path, raw=raw)
    assert refused.json["code"] == code
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert ledger.snapshot() == before


@EVERY_VERB
def test_another_media_type(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    assert sending.send(ledger, headers={"Content-Type": "text/plain"}).status == 415


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.version is None], ids=name_of)
def test_what_is_to_be_made_has_no_version_to_insist_on(verb: Verb) -> None:
    ledger, sending = _arranged(verb)
    before = ledger.snapshot()
    refused = sending.send(ledger, headers={"If-Match": '"1"'})
    assert (refused.status, refused.json["param"]) == (412, "If-Match")
    assert ledger.snapshot() == before
    first = sending.send(ledger)
    assert sending.send(ledger, headers={"If-Match": '"1"'}).text == first.text
