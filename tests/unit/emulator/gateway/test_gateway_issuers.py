"""One JWT authorizer that trusts several issuers: each with its own keys, audiences and claims, all with the algorithms.

Source: API Gateway developer guide: rest-api-jwt-authorizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.doubles.gateway import HERE, ISSUER, RSA_KEY, SIGNING_KEY, Issuer, Rig, claims, jwk, mint, read_deployment

OTHER = "https://other.test"
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
P384, P521 = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1())


@pytest.fixture
def other() -> Issuer:
    return Issuer(
        # The kid is the first issuer's too: it means another key here.
        keys=[jwk(OTHER_KEY, "k1"), jwk(P384, "p384"), jwk(P521, "p521"), jwk(RSA_KEY, "r1")],
        discovery={"issuer": OTHER, "jwks_uri": "https://other.test/keys"},
    )


@pytest.fixture
def rig(tmp_path: Path, other: Issuer) -> Rig:
    deployment = read_deployment(HERE / "gateway_issuers.yaml", HERE / "gateway_authorizers_stages.yaml", other=OTHER)
    return Rig(tmp_path, deployment, others={OTHER: other})


def status(rig: Rig, token: str) -> int:
    return rig.ask("GET", "/things", headers={"X-Jwt": token}).status


def first(**changes: Any) -> dict[str, Any]:
    return claims(aud="first") | changes


def second(**changes: Any) -> dict[str, Any]:
    return claims(iss=OTHER, aud="second", token_use=None) | changes


def test_each_issuer_s_own_tokens_pass(rig: Rig) -> None:
    assert status(rig, mint(first())) == 200
    assert status(rig, mint(second(), key=OTHER_KEY)) == 200
    assert status(rig, mint(first(aud=["shared"]))) == 200
    assert status(rig, mint(second(aud=["shared"]), key=OTHER_KEY)) == 200


STRANGE = {
    "the first one's key": mint(second(), key=SIGNING_KEY),
    "the second one's key": mint(first(), key=OTHER_KEY),
    "the first one's audience": mint(second(aud="first"), key=OTHER_KEY),
    "the second one's audience": mint(first(aud="second")),
    "the first one's claim rule is not the second one's": mint(first(token_use="id")),
    "no issuer of ours": mint(first(iss="https://third.test")),
    "an algorithm that a key could do and the authorizer does not name": mint(
        second(), key=RSA_KEY, alg="RS256", kid="r1"
    ),
}


@pytest.mark.parametrize("token", STRANGE.values(), ids=STRANGE.keys())
def test_what_is_one_issuer_s_is_worth_nothing_with_the_other(rig: Rig, token: str) -> None:
    """API CreateAuthorizer, JwtIssuerInput: audiences and additionalClaims are an issuer's own; J3: keys as well."""
    assert status(rig, token) == 401


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [
        (OTHER_KEY, "ES256", "k1"),
        (P384, "ES384", "p384"),
        (P521, "ES512", "p521"),
        (RSA_KEY, "RS384", "r1"),
        (RSA_KEY, "RS512", "r1"),
    ],
)
def test_default_algorithms_count_for_every_issuer(rig: Rig, key: Any, alg: str, kid: str) -> None:
    """API CreateAuthorizer, defaultAlgorithms: "applied to every issuer"."""
    assert status(rig, mint(second(), key=key, alg=alg, kid=kid)) == 200


def test_an_issuer_out_of_reach_does_not_keep_the_other_s_out(rig: Rig, other: Issuer) -> None:
    other.fails = True
    assert status(rig, mint(second(), key=OTHER_KEY)) == 401
    assert status(rig, mint(first())) == 200


def test_an_unknown_kid_of_one_issuer_does_not_read_the_other_s_keys(rig: Rig, other: Issuer) -> None:
    assert status(rig, mint(first(), kid="k9")) == 401
    assert (len(rig.issuer.calls), len(other.calls)) == (2, 0)
    assert ISSUER in rig.issuer.calls[0]


def test_a_change_of_keys_ends_only_the_tokens_of_that_issuer(rig: Rig, other: Issuer) -> None:
    mine, theirs = mint(first()), mint(second(), key=OTHER_KEY)
    assert (status(rig, mine), status(rig, theirs)) == (200, 200)
    other.keys = [jwk(P384, "new")]
    rig.time.advance(5_000)
    assert status(rig, mint(second(), key=P384, alg="ES384", kid="new")) == 200
    assert (status(rig, mine), status(rig, theirs)) == (200, 401)
