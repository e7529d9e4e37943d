"""J1 to J10: what the native JWT authorizer must refuse, each with the one 401, and what it lets through.

Sources: API Gateway developer guide: rest-api-jwt-authorizer and rest-api-jwt-authorizer-claims; RFC 8725; the J rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulator.keyset import read_jwks
from tests.doubles.gateway import (
    ISSUER,
    RSA_KEY,
    SIGNING_KEY,
    START,
    Issuer,
    Rig,
    b64,
    claims,
    header,
    jwk,
    mint,
    sign_raw,
    signed,
)

NOW = START // 1000
GOOD = mint()
HEAD, BODY, SIGNATURE = GOOD.split(".")
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = SIGNING_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def flip(segment: str) -> str:
    return ("A" if segment[0] != "A" else "B") + segment[1:]


def unsigned(alg: object, signature: str = "") -> str:
    return f"{b64(json.dumps({'alg': alg, 'kid': 'k1'}).encode())}.{BODY}.{signature}"


def hmac_with_public_key() -> str:
    signing_input = b64(b'{"alg":"HS256","kid":"k1"}') + "." + BODY
    return f"{signing_input}.{b64(hmac.new(PUBLIC_PEM, signing_input.encode(), hashlib.sha256).digest())}"


def loose_bits(segment: str) -> str:
    """The same bytes, spelt with another last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) + 1]


HEADER_TEXT = b'{"alg":"ES256","kid":"k1"}'
CLAIMS_TEXT = json.dumps(claims()).encode()

ATTACKS = {
    "J2 alg none": unsigned("none"),
    "J2 alg None": unsigned("None", SIGNATURE),
    "J2 alg NONE with a signature": unsigned("NONE", SIGNATURE),
    "J2 alg nOnE, one dot": unsigned("nOnE").rstrip("."),
    "J2 empty signature": f"{HEAD}.{BODY}.",
    "J2 zero signature": f"{HEAD}.{BODY}.{b64(bytes(64))}",
    "J2 zero signature in DER": f"{HEAD}.{BODY}.{b64(bytes.fromhex('3006020100020100'))}",
    "J2 short signature": f"{HEAD}.{BODY}.{b64(b'x')}",
    "J1 HS256 with the public key": hmac_with_public_key(),
    "J1 alg not allowed": unsigned("ES384", SIGNATURE),
    "J1 alg of the other kind": mint(key=RSA_KEY, alg="RS256"),
    "J1 alg a list": unsigned(["ES256"], SIGNATURE),
    "J1 alg missing": unsigned(None, SIGNATURE),
    "tampered header": f"{flip(HEAD)}.{BODY}.{SIGNATURE}",
    "tampered claims": f"{HEAD}.{b64(json.dumps(claims(sub='other')).encode())}.{SIGNATURE}",
    "tampered signature": f"{HEAD}.{BODY}.{flip(SIGNATURE)}",
    "signed by somebody else": mint(key=OTHER_KEY),
    "J3 kid unknown": mint(kid="k2"),
    "J3 kid in another case": mint(kid="K1"),
    "J3 kid missing": sign_raw(b'{"alg":"ES256"}', CLAIMS_TEXT),
    "J3 kid a number": sign_raw(b'{"alg":"ES256","kid":1}', CLAIMS_TEXT),
    "J3 jwk in the header": mint(key=OTHER_KEY, kid="mine", jwk=jwk(OTHER_KEY, "mine")),
    "J3 jku in the header": mint(key=OTHER_KEY, kid="mine", jku="https://evil.test/keys"),
    "J4 crit": mint(crit=["exp"]),
    "J4 b64": sign_raw(b'{"alg":"ES256","kid":"k1","b64":true}', CLAIMS_TEXT),
    "J5 one segment": "abc",
    "J5 two dots too many": f"{GOOD}.{SIGNATURE}",
    "J9 five segments": f"{HEAD}.{BODY}.{SIGNATURE}.{BODY}.{SIGNATURE}",
    "J5 padding": f"{GOOD}==",
    "J5 padding inside": f"{HEAD}=.{BODY}.{SIGNATURE}",
    "J5 loose bits": f"{HEAD}.{BODY}.{loose_bits(SIGNATURE)}",
    "J5 other alphabet": f"{HEAD}.{BODY}.{SIGNATURE[:-2]}+/",
    "J5 space": f"{HEAD}.{BODY} .{SIGNATURE}",
    "J5 over 8 KiB": mint(claims(pad="x" * 6_000)),
    "J6 expired": mint(claims(exp=NOW)),
    "J6 long expired": mint(claims(exp=NOW - 3_600)),
    "J6 exp missing": mint(claims(exp=None)),
    "J6 exp a string": sign_raw(HEADER_TEXT, json.dumps(claims() | {"exp": str(NOW + 600)}).encode()),
    "J6 exp true": sign_raw(HEADER_TEXT, json.dumps(claims() | {"exp": True}).encode()),
    "J6 exp null": sign_raw(HEADER_TEXT, json.dumps(claims() | {"exp": None}).encode()),
    "J6 exp 1e400": sign_raw(HEADER_TEXT, json.dumps(claims(exp=None)).encode()[:-1] + b',"exp":1e400}'),
    "J6 exp of 400 digits": mint(claims(exp=10**400)),
    "J6 iat of 400 digits": mint(claims(iat=10**400)),
    "J6 nbf of 400 digits": mint(claims(nbf=10**400)),
    "J6 exp NaN": sign_raw(HEADER_TEXT, json.dumps(claims(exp=None)).encode()[:-1] + b',"exp":NaN}'),
    "J6 nbf in the future": mint(claims(nbf=NOW + 60)),
    "J6 nbf a string": sign_raw(HEADER_TEXT, json.dumps(claims() | {"nbf": "0"}).encode()),
    "J6 iat in the future": mint(claims(iat=NOW + 60)),
    "J6 iat missing": mint(claims(iat=None)),
    "J6 aud wrong": mint(claims(aud="https://api.test/")),
    "J6 aud missing": mint(claims(aud=None)),
    "J6 aud empty list": mint(claims(aud=[])),
    "J6 aud with a number": sign_raw(HEADER_TEXT, json.dumps(claims() | {"aud": ["https://api.test", 1]}).encode()),
    "J6 aud an object": sign_raw(HEADER_TEXT, json.dumps(claims() | {"aud": {"https://api.test": 1}}).encode()),
    "J6 iss wrong": mint(claims(iss=ISSUER + "/")),
    "J6 iss missing": mint(claims(iss=None)),
    "J6 iss a list": sign_raw(HEADER_TEXT, json.dumps(claims() | {"iss": [ISSUER]}).encode()),
    "claim rule: another value": mint(claims(token_use="id")),
    "claim rule: missing": mint(claims(token_use=None)),
    "claim rule: a list": mint(claims(token_use=["access"])),
    "claim rule: optional but no string": mint(claims(region=1)),
    "J8 duplicate claim": sign_raw(HEADER_TEXT, CLAIMS_TEXT[:-1] + b',"sub":"other"}'),
    "J8 duplicate header": sign_raw(b'{"alg":"ES256","alg":"ES256","kid":"k1"}', CLAIMS_TEXT),
    "claims no object": sign_raw(HEADER_TEXT, b"[]"),
    "claims no JSON": sign_raw(HEADER_TEXT, b"{"),
    "claims no UTF-8": sign_raw(HEADER_TEXT, b'{"a":"\xff"}'),
    "claims with a lone surrogate": sign_raw(HEADER_TEXT, CLAIMS_TEXT[:-1] + b',"x":"\\ud800"}'),
    "claims nested deeply": sign_raw(HEADER_TEXT, CLAIMS_TEXT[:-1] + b',"x":' + b"[" * 2_500 + b"]" * 2_500 + b"}"),
    "claims with an endless integer": sign_raw(HEADER_TEXT, CLAIMS_TEXT[:-1] + b',"x":' + b"9" * 4_301 + b"}"),
    "claims with an integer beyond 64 bits": sign_raw(HEADER_TEXT, CLAIMS_TEXT[:-1] + b',"x":' + b"9" * 30 + b"}"),
    "not ASCII": GOOD + "\xe9",
}


@pytest.mark.parametrize("token", ATTACKS.values(), ids=ATTACKS.keys())
def test_every_attack_gets_the_same_401(rig: Rig, token: str) -> None:
    reply = rig.ask("GET", "/things/1", headers=signed(token))
    assert reply.status == 401
    body = orjson.loads(reply.body)
    assert body.pop("instance")
    assert body == {"detail": "Unauthorized", "type": "UNAUTHORIZED"}
    assert header(reply, "x-amzn-ErrorType") == "UnauthorizedException"
    assert header(reply, "www-authenticate") == 'Bearer error="invalid_token"'
    assert rig.functions.events == []


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic abc", f"Bearer  {GOOD}", f"Token {GOOD}"],
    ids=lambda value: value.replace(GOOD, "GOOD"),
)
def test_an_identity_source_without_a_token_is_401(rig: Rig, value: str) -> None:
    assert rig.ask("GET", "/things/1", headers={"Authorization": value, "x-api-key": "free-value"}).status == 401


GOOD_TOKENS = {
    "plain": GOOD,
    "one of several audiences": mint(claims(aud=["x", "other"])),
    "scp as a list": mint(claims(scope=None, scp=["things:read"])),
    "scp as a text": mint(claims(scope=None, scp="a things:read")),
    "half a second left": mint(claims(exp=NOW + 0.5)),
    "valid from now on": mint(claims(nbf=NOW)),
    "issued by a clock ahead": mint(claims(iat=NOW + 4)),
    "an expected claim": mint(claims(region="eu")),
    "RS256": mint(key=RSA_KEY, alg="RS256", kid="r1"),
    "another typ": mint(typ="JWT"),
    "a jku that nobody follows": mint(jku="https://evil.test/keys"),
}


@pytest.mark.parametrize("token", GOOD_TOKENS.values(), ids=GOOD_TOKENS)
def test_good_tokens_pass_with_or_without_the_word_bearer(rig: Rig, token: str) -> None:
    for value in (f"Bearer {token}", f"bearer {token}", token):
        assert rig.ask("GET", "/things/1", headers={"Authorization": value, "x-api-key": "free-value"}).status == 200


@pytest.mark.parametrize("scope", ["", "things:write", "things:reader", "THINGS:READ", "things:read,things:write"])
def test_a_missing_scope_is_403(rig: Rig, scope: str) -> None:
    reply = rig.ask("GET", "/things/1", headers=signed(mint(claims(scope=scope))))
    assert (reply.status, header(reply, "x-amzn-ErrorType")) == (403, "AccessDeniedException")
    assert orjson.loads(reply.body) == {"message": "Forbidden"}


def test_one_of_the_scopes_is_enough_and_a_method_without_scopes_wants_none(rig: Rig) -> None:
    assert rig.ask("DELETE", "/things/1", headers=signed(mint(claims(scope="")))).status == 200
    admin = signed(mint(claims(scope="things:admin")), **{"X-Tenant": "t"})
    assert rig.ask("GET", "/things?q=1", headers=admin).status == 200


def test_claims_reach_the_function_with_their_types(rig: Rig) -> None:
    given = claims(n=1, f=1.5, deep={"a": [True, None]}, text="é")
    event = rig.event("GET", "/things/1", headers=signed(mint(given)))
    assert event["requestContext"]["authorizer"] == {"claims": given}


def test_a_remembered_token_ends_when_it_expires(rig: Rig) -> None:
    headers = signed(mint(claims(exp=NOW + 10)))
    assert rig.ask("GET", "/things/1", headers=headers).status == 200
    rig.time.advance(9_999)
    assert rig.ask("GET", "/things/1", headers=headers).status == 200
    rig.time.advance(1)
    assert rig.ask("GET", "/things/1", headers=headers).status == 401


def test_a_remembered_token_ends_when_its_key_is_withdrawn(rig: Rig) -> None:
    assert rig.ask("GET", "/things/1", headers=signed()).status == 200
    rig.issuer.keys = [jwk(OTHER_KEY, "k3")]
    rig.time.advance(5_000)
    assert rig.ask("GET", "/things/1", headers=signed(mint(key=OTHER_KEY, kid="k3"))).status == 200
    assert rig.ask("GET", "/things/1", headers=signed()).status == 401


def test_a_remembered_token_does_not_outlive_the_hour_that_keys_are_cached(rig: Rig) -> None:
    headers = signed(mint(claims(exp=NOW + 10_000)))
    assert rig.ask("GET", "/things/1", headers=headers).status == 200
    rig.issuer.fails = True
    rig.time.advance(3_599_999)
    assert rig.ask("GET", "/things/1", headers=headers).status == 200
    rig.time.advance(1)
    assert rig.ask("GET", "/things/1", headers=headers).status == 401


def test_scopes_are_looked_at_anew_for_each_method(rig: Rig) -> None:
    headers = signed(mint(claims(scope="things:read")))
    assert rig.ask("GET", "/things/1", headers=headers).status == 200
    reply = rig.ask("POST", "/things", headers={**headers, "Content-Type": "application/json"}, body=b'{"name":"a"}')
    assert reply.status == 403


BAD_KEYS = {
    "use enc": jwk(SIGNING_KEY, "k1") | {"use": "enc"},
    "key_ops sign": jwk(SIGNING_KEY, "k1", key_ops=["sign"]),
    "other alg": jwk(SIGNING_KEY, "k1", alg="ES384"),
    "private": jwk(SIGNING_KEY, "k1", d="AAAA"),
    "off the curve": jwk(SIGNING_KEY, "k1", x=b64(bytes(32))),
    "symmetric": {"kty": "oct", "kid": "k1", "k": b64(PUBLIC_PEM)},
    "no kid": {name: value for name, value in jwk(SIGNING_KEY, "k1").items() if name != "kid"},
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_key_that_is_not_for_this_is_no_key(rig: Rig, key: dict[str, object]) -> None:
    rig.issuer.keys = [key]
    assert rig.ask("GET", "/things/1", headers=signed()).status == 401


def test_a_kid_that_stands_twice_names_no_key(rig: Rig) -> None:
    rig.issuer.keys = [jwk(SIGNING_KEY, "k1"), jwk(OTHER_KEY, "k1")]
    assert rig.ask("GET", "/things/1", headers=signed()).status == 401


def test_small_rsa_is_no_key() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    keys = [jwk(small, "small"), jwk(RSA_KEY, "large")]
    assert list(read_jwks(orjson.dumps({"keys": keys}))) == ["large"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys":1}', b'{"keys":[' + b"1," * 100 + b"1]}"])
def test_a_document_without_keys_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_jwks(text)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": ISSUER + "/", "jwks_uri": "https://issuer.test/keys"},
        {"jwks_uri": "https://issuer.test/keys"},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": 1},
    ],
)
def test_a_discovery_document_that_does_not_name_the_issuer_is_none(rig: Rig, discovery: dict[str, object]) -> None:
    rig.issuer.discovery = discovery
    reply = rig.ask("GET", "/things/1", headers=signed())
    assert (reply.status, header(reply, "x-reason")) == (401, "OIDC discovery endpoint communication error")


def test_an_unknown_kid_makes_the_gateway_look_again_but_not_often(rig: Rig) -> None:
    assert rig.ask("GET", "/things/1", headers=signed()).status == 200
    calls = len(rig.issuer.calls)
    for _ in range(20):
        assert rig.ask("GET", "/things/1", headers=signed(mint(kid="k9"))).status == 401
    assert len(rig.issuer.calls) == calls
    rig.time.advance(5_000)
    for _ in range(20):
        assert rig.ask("GET", "/things/1", headers=signed(mint(kid="k9"))).status == 401
    assert len(rig.issuer.calls) == calls + 2


def test_after_a_failure_it_looks_again_within_a_second(rig: Rig) -> None:
    rig.issuer.fails = True
    assert rig.ask("GET", "/things/1", headers=signed()).status == 401
    rig.issuer.fails = False
    assert rig.ask("GET", "/things/1", headers=signed()).status == 401
    rig.time.advance(1_000)
    assert rig.ask("GET", "/things/1", headers=signed()).status == 200


def test_the_issuer_is_read_once_for_many(rig: Rig) -> None:
    assert isinstance(rig.issuer, Issuer)
    for number in range(5):
        rig.ask("GET", "/things/1", headers=signed(mint(claims(jti=str(number)))))
    assert len(rig.issuer.calls) == 2
