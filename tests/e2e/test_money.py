"""The main job over HTTPS: pay, repeat, capture, cancel, refund, transfer, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from infra.local.api_client import Answer, Api

Accounts = dict[str, str]


def _payment(accounts: Accounts, amount: int, **more: object) -> dict[str, object]:
    return {
        "amount": amount,
        "currency": "USD",
        "payer": accounts["payer"],
        "payee": accounts["merchant"],
        **more,
    }


def _wallet(api: Api, accounts: Accounts, funds: int) -> str:
    """Open a wallet of its own for a test, funded from outside."""
    wallet: str = api.post("/v1/accounts", {"currency": "USD", "kind": "wallet"}).json["id"]
    if funds:
        funding = {"source": accounts["external"], "destination": wallet, "amount": funds}
        assert api.post("/v1/transfers", {**funding, "currency": "USD"}).status == 201
    return wallet


def _problem(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["instance"]


def test_a_payment_moves_money_once(api: Api, accounts: Accounts) -> None:
    payer = _wallet(api, accounts, 1_000)
    answer = api.post("/v1/payments", {**_payment(accounts, 250), "payer": payer})
    assert answer.status == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.json["status"] == "captured"
    assert answer.json["amount_captured"] == 250
    assert api.get(f"/v1/payments/{answer.json['id']}").body == answer.body
    assert api.available(payer) == 750


def test_a_repeated_request_gets_the_same_bytes(api: Api, accounts: Accounts) -> None:
    payer, key = _wallet(api, accounts, 100), str(uuid4())
    body = {**_payment(accounts, 60), "payer": payer}
    first = api.post("/v1/payments", body, key=key)
    again = api.post("/v1/payments", body, key=f'"{key}"')
    assert (first.status, first.body, first.headers["etag"]) == (
        again.status,
        again.body,
        again.headers["etag"],
    )
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert api.available(payer) == 40


def test_another_request_under_the_same_key_is_refused(api: Api, accounts: Accounts) -> None:
    key = str(uuid4())
    assert api.post("/v1/payments", _payment(accounts, 5), key=key).status == 201
    _problem(api.post("/v1/payments", _payment(accounts, 6), key=key), 422, "idempotency_key_reused")


def test_fifty_at_once_under_one_key_have_one_effect(api: Api, accounts: Accounts) -> None:
    payer, key = _wallet(api, accounts, 1_000), str(uuid4())
    body = {**_payment(accounts, 10), "payer": payer}

    def post(client: Api) -> Answer:
        try:
            return client.post("/v1/payments", body, key=key)
        finally:
            client.close()

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(post, [api.clone() for _ in range(50)]))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) <= 1
    assert api.available(payer) == 990


def test_without_funds_nothing_moves_and_the_decline_is_remembered(api: Api, accounts: Accounts) -> None:
    payer, key = _wallet(api, accounts, 99), str(uuid4())
    body = {**_payment(accounts, 100), "payer": payer}
    declined = api.post("/v1/payments", body, key=key)
    _problem(declined, 402, "insufficient_funds")
    assert declined.json["decline_code"] == "insufficient_funds"
    payment = api.get(f"/v1/payments/{declined.json['payment']}").json
    assert (payment["status"], payment["amount_captured"]) == ("declined", 0)
    assert api.available(payer) == 99
    funding = {"source": accounts["external"], "destination": payer, "amount": 1, "currency": "USD"}
    assert api.post("/v1/transfers", funding).status == 201
    assert api.post("/v1/payments", body, key=key).body == declined.body
    assert api.available(payer) == 100


def test_hold_capture_and_refund(api: Api, accounts: Accounts) -> None:
    payer = _wallet(api, accounts, 500)
    body = {**_payment(accounts, 400, capture="manual"), "payer": payer}
    payment = api.post("/v1/payments", body).json
    assert payment["status"] == "authorized"
    assert api.available(payer) == 100
    path, key = f"/v1/payments/{payment['id']}", str(uuid4())
    part = api.post(f"{path}/capture", {"amount": 150}, key=key, headers={"If-Match": '"1"'})
    assert (part.status, part.json["status"]) == (200, "partially_captured")
    again = api.post(f"{path}/capture", {"amount": 150}, key=key, headers={"If-Match": '"1"'})
    assert again.body == part.body, "a retried capture is given its own first answer"
    rest = api.post(f"{path}/cancel")
    assert (rest.json["status"], rest.json["amount_captured"]) == ("captured", 150)
    assert api.available(payer) == 350
    assert api.post("/v1/refunds", {"payment": payment["id"], "amount": 100}).status == 201
    _problem(api.post("/v1/refunds", {"payment": payment["id"], "amount": 51}), 422, "refund_too_large")
    assert api.post("/v1/refunds", {"payment": payment["id"]}).json["amount"] == 50
    assert api.available(payer) == 500


def test_a_stale_version_is_refused_and_nothing_is_done(api: Api, accounts: Accounts) -> None:
    payment = api.post("/v1/payments", _payment(accounts, 40, capture="manual")).json
    path = f"/v1/payments/{payment['id']}"
    assert api.post(f"{path}/capture", {"amount": 10}).status == 200
    stale = api.post(f"{path}/cancel", headers={"If-Match": '"1"'})
    _problem(stale, 412, "precondition_failed")
    assert api.get(path).json["version"] == 2
    _problem(api.post(f"{path}/cancel", headers={"If-Match": "1"}), 400, "if_match_invalid")
    assert api.post(f"{path}/cancel", headers={"If-Match": '"2"'}).status == 200


def test_a_frozen_account_is_not_debited(api: Api, accounts: Accounts) -> None:
    payer = _wallet(api, accounts, 100)
    assert api.post(f"/v1/accounts/{payer}/freeze").json["status"] == "frozen"
    declined = api.post("/v1/payments", {**_payment(accounts, 10), "payer": payer})
    _problem(declined, 402, "account_frozen")
    assert api.post(f"/v1/accounts/{payer}/unfreeze").json["status"] == "open"
    assert api.available(payer) == 100


def test_a_transfer_moves_money_between_wallets(api: Api, accounts: Accounts) -> None:
    source, destination = _wallet(api, accounts, 70), _wallet(api, accounts, 0)
    body = {"source": source, "destination": destination, "amount": 30, "currency": "USD"}
    transfer = api.post("/v1/transfers", body)
    assert transfer.status == 201
    assert (api.available(source), api.available(destination)) == (40, 30)
    _problem(api.post("/v1/transfers", {**body, "amount": 41}), 402, "insufficient_funds")
    assert api.get(f"/v1/transfers/{transfer.json['id']}").body == transfer.body


@pytest.mark.parametrize("kind", ["accounts", "payments", "refunds", "transfers"])
def test_lists_page_without_gap_or_repeat(api: Api, accounts: Accounts, kind: str) -> None:
    for _ in range(2):
        payment = api.post("/v1/payments", _payment(accounts, 3)).json["id"]
        assert api.post("/v1/refunds", {"payment": payment}).status == 201
        _wallet(api, accounts, 1)
    first = api.get(f"/v1/{kind}?limit=1").json
    second = api.get(f"/v1/{kind}?limit=1&starting_after={first['data'][0]['id']}").json
    back = api.get(f"/v1/{kind}?limit=1&ending_before={second['data'][0]['id']}").json
    assert first["has_more"]
    assert first["data"][0]["id"] > second["data"][0]["id"]
    assert back["data"] == first["data"]
    _problem(api.get(f"/v1/{kind}?status=open"), 400, "invalid_request")


def test_amounts_are_whole_minor_units(api: Api, accounts: Accounts) -> None:
    for amount in (0, -1, 1.5, "10", 10**15 + 1, True, None):
        answer = api.post("/v1/payments", {**_payment(accounts, 1), "amount": amount})
        assert answer.status == 400, (amount, answer.body)
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_write_needs_a_key(api: Api, accounts: Accounts) -> None:
    answer = api.post("/v1/payments", _payment(accounts, 1), key="")
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
