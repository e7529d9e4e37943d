"""What is remembered of a token: never longer than the judgement could stay the same, and a bad one never for a good one.

Sources: API Gateway developer guide: rest-api-jwt-authorizer (a token is good until it expires; keys are kept for an hour).
"""

import asyncio
from collections.abc import Awaitable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.definition import JwtAuthorizer, TrustedIssuer
from emulator.gateway import jws, jwt_judge
from emulator.gateway.context import Verified
from emulator.gateway.jws import InvalidToken
from emulator.gateway.jwt_judge import JwtJudge
from emulator.keyset import CACHED_MS, REFETCH_MS, KeySet
from tests.doubles.gateway import AUDIENCE, ISSUER, START, HandClock, Issuer, claims, jwk, mint

NOW = START // 1000
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


class Bench:
    """A judge, its clock and its issuer, and how often a signature was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.issuer, self.looked = HandClock(), Issuer(), 0
        keys = KeySet(ISSUER, self.issuer, self.time.clock())
        trusted = TrustedIssuer(ISSUER, frozenset({AUDIENCE}), ())
        rules = JwtAuthorizer("jwt", "authorization", (trusted,), frozenset({"ES256"}))
        self.judge = JwtJudge(rules, {ISSUER: keys}, self.time.clock())
        check = jws.check_signature

        def counted(*arguments: object) -> None:
            self.looked += 1
            check(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(jwt_judge, "check_signature", counted)

    def ask(self, token: str) -> Verified | str:
        async def settle() -> Verified:
            found = self.judge(token)
            return await found if isinstance(found, Awaitable) else found

        try:
            return asyncio.run(settle())
        except InvalidToken as error:
            return str(error)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_good_token_is_verified_once(bench: Bench) -> None:
    token = mint()
    first, again = bench.ask(token), bench.ask(token)
    assert first is again
    assert bench.looked == 1


def test_only_the_first_token_of_a_key_waits_for_the_keys(bench: Bench) -> None:
    bench.ask(mint())
    assert isinstance(bench.judge(mint(claims(jti="j2"))), Verified), "no task, no turn of the loop"


def test_a_bad_signature_is_found_once(bench: Bench) -> None:
    forged = mint(key=OTHER_KEY)
    assert bench.ask(forged) == bench.ask(forged) == "the signature is not valid"
    assert bench.looked == 1


def test_a_token_is_judged_anew_when_the_keys_have_changed(bench: Bench) -> None:
    """Whoever signs with a key before it is published is refused only until then."""
    early = mint(key=OTHER_KEY)
    assert bench.ask(early) == "the signature is not valid"
    bench.issuer.keys = [jwk(OTHER_KEY, "k1")]
    bench.time.advance(CACHED_MS)
    assert isinstance(bench.ask(mint(claims(exp=NOW + 9_000), key=OTHER_KEY)), Verified), "this one had them fetched"
    again = mint(claims(exp=NOW + 9_000), key=OTHER_KEY)
    assert isinstance(bench.ask(again), Verified)
    assert bench.ask(early) == "the token has expired", "not what was found of it by the old key"


def test_a_key_that_was_not_known_may_be_a_moment_later(bench: Bench) -> None:
    rotated = mint(key=OTHER_KEY, kid="k2")
    assert bench.ask(rotated) == "the token's key is not known"
    bench.issuer.keys.append(jwk(OTHER_KEY, "k2"))
    bench.time.advance(REFETCH_MS)
    assert isinstance(bench.ask(rotated), Verified)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_the_future_is_good_when_its_time_has_come(bench: Bench, claim: str) -> None:
    early = mint(claims(**{claim: NOW + 60}))
    assert isinstance(bench.ask(early), str)
    bench.time.advance(60_000)
    assert isinstance(bench.ask(early), Verified)


def test_a_good_token_ends_at_its_second(bench: Bench) -> None:
    token = mint(claims(exp=NOW + 10))
    assert isinstance(bench.ask(token), Verified)
    bench.time.advance(9_999)
    assert isinstance(bench.ask(token), Verified)
    bench.time.advance(1)
    assert bench.ask(token) == "the token has expired"


def test_a_flood_of_bad_tokens_drives_out_no_good_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt_judge, "REMEMBERED", 10)
    good = mint()
    bench.ask(good)
    for number in range(50):
        bench.ask(mint(claims(jti=str(number)), key=OTHER_KEY))
        bench.ask(f"not.a.token{number}")
    assert len(bench.judge.bad) == 10
    looked = bench.looked
    assert isinstance(bench.ask(good), Verified)
    assert bench.looked == looked
