"""POST /oauth2/token from event to answer (requirements O1 to O11 of the token service)."""

from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import orjson
import pytest

from chalicelib.store.port import Item, Key, OutcomeUnknown
from chalicelib.store.wire import AwsError
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.unit.tokens.conftest import CLIENT_ID, FORM, SECRET, TERMS, TokenHouse

BASIC = (quote(CLIENT_ID, safe=""), quote(SECRET, safe=""))
ALL_SCOPES = "payments:read payments:write"


def _form(**more: str) -> str:
    return urlencode({"grant_type": "client_credentials", **more})


def _verified(house: TokenHouse, token: str) -> dict[str, Any]:
    now_seconds = house.clock.now_at() // 1_000
    claims: dict[str, Any] = jwt.decode(
        token,
        house.kms.key.public_key(),
        algorithms=["ES256"],
        audience=TERMS.audience,
        issuer=TERMS.issuer,
        options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "jti", "sub"]},
    )
    assert claims["exp"] - 900 == claims["iat"] == now_seconds
    return claims


@pytest.mark.parametrize("way", ["basic", "form"])
def test_o2_o4_a_client_gets_a_token(house: TokenHouse, way: str) -> None:
    answer = house.post(basic=BASIC) if way == "basic" else house.post(_form(client_id=CLIENT_ID, client_secret=SECRET))
    assert answer.status == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 900, ALL_SCOPES)
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}, "no refresh token"


def test_o11_the_token_is_an_access_token_of_rfc_9068(house: TokenHouse) -> None:
    token = house.post(basic=BASIC).json["access_token"]
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], len(header["kid"])) == ("ES256", "at+jwt", 43)
    claims = _verified(house, token)
    assert claims.pop("jti")
    assert claims == {
        "iss": TERMS.issuer,
        "aud": TERMS.audience,
        "exp": house.clock.now_at() // 1_000 + 900,
        "iat": house.clock.now_at() // 1_000,
        "sub": CLIENT_ID,
        "client_id": CLIENT_ID,
        "scope": ALL_SCOPES,
        "token_use": "access",
        "tenant": "demo.live",
        "principal": "prn_merchant",
        "role": "merchant",
        "api_key_id": "key123",
    }


def test_no_two_tokens_have_one_jti(house: TokenHouse) -> None:
    tokens = [house.post(basic=BASIC).json["access_token"] for _ in range(5)]
    assert len({_verified(house, token)["jti"] for token in tokens}) == 5


def test_the_signature_is_raw_and_the_token_canonical(house: TokenHouse) -> None:
    parts = house.post(basic=BASIC).json["access_token"].split(".")
    assert len(parts) == 3
    assert not any("=" in part for part in parts)
    assert len(urlsafe_b64decode(parts[2] + "==")) == 64


def test_o7_the_scope_is_reduced_to_what_is_registered(house: TokenHouse) -> None:
    body = house.post(_form(scope="payments:read accounts:write"), BASIC).json
    assert body["scope"] == "payments:read"
    assert _verified(house, body["access_token"])["scope"] == "payments:read"


@pytest.mark.parametrize("scope", ["payments:read nothing:read", "accounts:read", "payments:read  payments:write", " "])
def test_o7_scopes_that_do_not_exist_or_are_not_registered(house: TokenHouse, scope: str) -> None:
    answer = house.post(_form(scope=scope), BASIC)
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "invalid_request"),
        ("scope=payments%3Aread", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=authorization_code", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&x=1&x=2", "invalid_request"),
        ("grant_type=client_credentials&scope=%zz", "invalid_request"),
        ("grant_type=client_credentials&scope=%ff", "invalid_request"),
        ("grant_type=client_credentials&client_secret=" + quote(SECRET), "invalid_request"),
        ("grant_type=client_credentials&client_id=cl_other", "invalid_request"),
        ("grant_type=client_credentials&pad=" + "x" * 8_192, "invalid_request"),
    ],
)
def test_o1_o3_what_no_library_sends_is_refused(house: TokenHouse, body: str, error: str) -> None:
    answer = house.post(body, BASIC)
    assert (answer.status, answer.json["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json.keys() == {"error", "error_description"}


def test_o1_unknown_and_empty_parameters_are_ignored(house: TokenHouse) -> None:
    body = f"grant_type=client_credentials&audience=else&scope=&client_id={CLIENT_ID}"
    assert house.post(body, BASIC).json["scope"] == ALL_SCOPES


@pytest.mark.parametrize("name", ["client_id", "client_secret", "grant_type", "scope"])
def test_o1_o6_nothing_is_taken_from_the_url(house: TokenHouse, name: str) -> None:
    answer = house.post(basic=BASIC, query={name: ["x"]})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("types", [["application/json"], [], [FORM, FORM], ["text/plain; a=" + FORM]])
def test_o1_only_a_form_is_read(house: TokenHouse, types: list[str]) -> None:
    answer = house.post(basic=BASIC, headers={"Content-Type": types})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_charset_beside_the_type_is_fine(house: TokenHouse) -> None:
    assert house.post(basic=BASIC, headers={"Content-Type": [f"{FORM.upper()}; charset=UTF-8"]}).status == 200


@pytest.mark.parametrize(
    ("authorizations", "status", "error"),
    [
        (["Basic ???"], 400, "invalid_request"),
        (["Basic bm9jb2xvbg=="], 400, "invalid_request"),
        (["Basic YTpi", "Basic YTpi"], 400, "invalid_request"),
        (["Basic " + "JXp6OmI="], 400, "invalid_request"),
        (["Bearer abc"], 401, "invalid_client"),
        ([""], 401, "invalid_client"),
        (["Basic YTpi"], 401, "invalid_client"),
    ],
)
def test_o3_broken_headers(house: TokenHouse, authorizations: list[str], status: int, error: str) -> None:
    answer = house.post(headers={"Authorization": authorizations})
    assert (answer.status, answer.json["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def _refusals(house: TokenHouse) -> dict[str, tuple[int, str, str]]:
    house.register("cl_revoked", SECRET, status="revoked")
    shown = {
        "wrong secret": (CLIENT_ID, "tgs_wrong"),
        "unknown client": ("cl_nobody", BASIC[1]),
        "no such form": ("merchant'--", BASIC[1]),
        "revoked": ("cl_revoked", BASIC[1]),
        "empty": (CLIENT_ID, ""),
    }
    answers = {case: house.post(basic=pair) for case, pair in shown.items()}
    return {case: (one.status, one.text, one.headers["WWW-Authenticate"]) for case, one in answers.items()}


def test_o3_unknown_wrong_and_revoked_get_one_answer(house: TokenHouse) -> None:
    answers = set(_refusals(house).values())
    assert len(answers) == 1
    status, body, challenge = answers.pop()
    assert (status, orjson.loads(body)["error"]) == (401, "invalid_client")
    assert challenge.startswith("Basic ")


class _Counting(MemoryDynamo):
    """Counts reads."""

    reads = 0

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        self.reads += 1
        return super().get(key, consistent=consistent)


@pytest.mark.parametrize("client_id", [CLIENT_ID, "cl_nobody", "no such form"])
def test_o3_the_same_work_for_known_and_unknown(client_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = TokenHouse(_Counting())
    house.register()
    compared: list[int] = []

    def compare(presented: bytes, known: bytes) -> bool:
        compared.append(len(known))
        return presented == known

    monkeypatch.setattr("chalicelib.tokens.secret.hmac.compare_digest", compare)
    house.post(basic=(quote(client_id), "tgs_wrong"))
    assert isinstance(house.dynamo, _Counting)
    assert (house.dynamo.reads, compared) == (1, [32, 32])
    assert house.kms.calls == [], "nothing is signed for a client that did not prove itself"


def test_o5_two_secrets_are_valid_while_one_replaces_the_other(house: TokenHouse) -> None:
    house.register("cl_rotating", "tgs_old", "tgs_new")
    assert [house.post(basic=("cl_rotating", one)).status for one in ("tgs_old", "tgs_new", "tgs_older")] == [
        200,
        200,
        401,
    ]


def test_o5_failures_are_limited_for_one_source_and_client(house: TokenHouse) -> None:
    statuses = [house.post(basic=(CLIENT_ID, "tgs_wrong")).status for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    refused = house.post(basic=BASIC)
    assert (refused.status, refused.json["error"]) == (429, "invalid_client")
    assert refused.headers["Retry-After"] == "61"
    assert house.post(basic=BASIC, source_ip="10.0.0.2").status == 200, "its owner is not locked out"
    spoofed = {"X-Forwarded-For": ["10.0.0.2"]}
    assert house.post(basic=BASIC, headers=spoofed).status == 429, "the caller's own words do not help"
    house.clock.move(61)
    assert house.post(basic=BASIC).status == 200


def test_a_key_that_was_replaced_is_never_named_by_a_new_token(house: TokenHouse) -> None:
    first = jwt.get_unverified_header(house.post(basic=BASIC).json["access_token"])["kid"]
    house.kms.rotate()
    token = house.post(basic=BASIC).json["access_token"]
    _verified(house, token)
    assert jwt.get_unverified_header(token)["kid"] != first
    assert house.kms.calls == ["GetPublicKey", "Sign", "Sign", "GetPublicKey", "Sign"]


def test_a_key_that_changes_with_every_call_is_a_fault(house: TokenHouse) -> None:
    house.kms.before_sign = house.kms.rotate
    assert house.post(basic=BASIC).status == 500


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (OutcomeUnknown("no answer in time"), 503),
        (AwsError("ThrottlingException", 400, {}), 503),
        (AwsError("KMSInternalException", 500, {}), 503),
        (AwsError("AccessDeniedException", 400, {"message": "arn:aws:secret"}), 500),
    ],
)
def test_a_fault_of_ours_is_not_told_as_the_clients(house: TokenHouse, fault: Exception, status: int) -> None:
    def fail() -> None:
        raise fault

    house.kms.before_sign = fail
    answer = house.post(basic=BASIC)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert "arn:" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_the_read_of_the_client_is_consistent(house: TokenHouse) -> None:
    seen: list[bool] = []

    class Watching(MemoryDynamo):
        def get(self, key: Key, *, consistent: bool = True) -> Item | None:
            seen.append(consistent)
            return super().get(key, consistent=consistent)

    house.desk = replace(house.desk, dynamo=Watching())
    house.post(basic=BASIC)
    assert seen == [True], "a client that was revoked a moment ago gets no token"
