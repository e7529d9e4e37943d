"""What the gateway and the functions refuse over HTTPS, and that every refusal is a problem document."""

import base64
import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from infra.local.api_client import Answer, Api

Accounts = dict[str, str]
NewClient = Callable[..., Api]


def _refused(answer: Answer, status: int) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["instance"]
    assert "Traceback" not in answer.body.decode()


def _claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _none_in_any_case(token: str, spelling: str) -> str:
    return f"{_part({'alg': spelling, 'typ': 'at+jwt'})}.{_part(_claims(token))}."


def _tampered(token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{_part({**_claims(token), 'principal': 'prn_somebody'})}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "",
        lambda _: "Bearer",
        lambda token: token[:-4],
        lambda token: token + "==",
        lambda token: _none_in_any_case(token, "none"),
        lambda token: _none_in_any_case(token, "NoNe"),
        _tampered,
        lambda token: token.rsplit(".", 1)[0] + "." + base64.urlsafe_b64encode(bytes(64)).rstrip(b"=").decode(),
        lambda token: f"{token}.{token}",
    ],
)
def test_a_token_that_is_not_ours_is_refused(api: Api, forge: Callable[[str], str]) -> None:
    forged = api.clone()
    forged.token = forge(api.token)
    try:
        answer = forged.get("/v1/payments")
    finally:
        forged.close()
    _refused(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_no_token_at_all(api: Api) -> None:
    _refused(api.send("GET", "/v1/payments", None, {"x-api-key": api.credentials.api_key}), 401)


def test_a_missing_scope_is_refused_by_the_gateway(api: Api) -> None:
    reader = api.clone().login(scope="payments:read")
    try:
        assert reader.get("/v1/payments").status == 200
        _refused(reader.get("/v1/refunds"), 403)
        _refused(reader.post("/v1/payments", {"amount": 1}), 403)
    finally:
        reader.close()


def test_a_missing_unknown_or_foreign_api_key_is_refused(api: Api, new_client: NewClient) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    _refused(api.send("GET", "/v1/payments", None, bearer), 403)
    _refused(api.send("GET", "/v1/payments", None, {**bearer, "x-api-key": "nobodys"}), 403)
    other = new_client(role="owner").credentials.api_key
    _refused(api.send("GET", "/v1/payments", None, {**bearer, "x-api-key": other}), 403)


def test_what_belongs_to_another_principal_does_not_exist(api: Api, accounts: Accounts, new_client: NewClient) -> None:
    stranger = new_client(role="owner")
    body = {"amount": 1, "currency": "USD", "payer": accounts["payer"], "payee": accounts["merchant"]}
    payment = api.post("/v1/payments", body).json["id"]
    _refused(stranger.get(f"/v1/payments/{payment}"), 404)
    _refused(stranger.get(f"/v1/accounts/{accounts['payer']}"), 404)
    _refused(stranger.post(f"/v1/payments/{payment}/cancel"), 404)
    _refused(stranger.post("/v1/refunds", {"payment": payment}), 404)
    stolen = stranger.post("/v1/payments", body)
    _refused(stolen, 404)
    missing = stranger.post("/v1/payments", {**body, "payer": "acct_00000000000000000000000000w0"})
    assert stolen.json["title"] == missing.json["title"]
    assert stolen.json.keys() == missing.json.keys()


def test_another_tenant_is_another_ledger(api: Api, accounts: Accounts, new_client: NewClient) -> None:
    operator = new_client(tenant="other.sandbox", role="operator")
    _refused(operator.get(f"/v1/accounts/{accounts['payer']}"), 404)
    assert operator.get("/v1/payments").json["data"] == []
    key = str(uuid4())
    wallet = {"currency": "USD", "kind": "wallet"}
    ours, theirs = api.post("/v1/accounts", wallet, key=key), operator.post("/v1/accounts", wallet, key=key)
    assert (ours.status, theirs.status) == (201, 201), "keys of two tenants never meet"
    assert ours.json["id"] != theirs.json["id"]


def test_a_small_plan_is_throttled_and_told_when_to_come_back(new_client: NewClient) -> None:
    small = new_client(plan="trial")
    answers = [small.get("/v1/accounts") for _ in range(20)]
    throttled = [answer for answer in answers if answer.status == 429]
    assert throttled, "the trial plan's bucket holds five"
    _refused(throttled[0], 429)
    assert int(throttled[0].headers["retry-after"]) >= 1
    assert answers[0].status == 200


def test_a_wrong_secret_and_an_unknown_client_get_the_same_answer(api: Api) -> None:
    def ask(client_id: str, secret: str) -> Answer:
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return api.send("POST", "/oauth2/token", b"grant_type=client_credentials", headers)

    wrong = ask(api.credentials.client_id, "x" * 43)
    unknown = ask("cl_nobody", "x" * 43)
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body
    assert wrong.json["error"] == "invalid_client"


def test_paths_and_methods_that_do_not_exist(api: Api) -> None:
    _refused(api.get("/v1/nothing"), 403)
    answer = api.send("DELETE", "/v1/payments", None, api._headers({}))
    _refused(answer, 405)
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "POST"}


@pytest.mark.parametrize("path", ["/v1/payments%2Fx", "/v1//payments", "/v1/./payments", "/v1/accounts/../payments"])
def test_a_path_is_rejected_and_never_repaired(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status in {400, 403}, answer.body


def test_a_body_that_is_too_large(api: Api) -> None:
    answer = api.post("/v1/payments", {"description": "x" * 300_000})
    _refused(answer, answer.status)
    assert answer.status in {400, 413}


def test_health_needs_no_credentials(api: Api) -> None:
    answer = api.send("GET", "/v1/health", None, {})
    assert (answer.status, answer.json["status"]) == (200, "ok")
