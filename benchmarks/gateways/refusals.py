"""What a refusal costs the gateway, and what a token costs that it has not seen: its own code, in this process.

No HTTP and no function: what is timed begins with a request that has been read and ends with the reply to be written.
"""

import asyncio
import gc
import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import base64url_decode

from benchmarks.gateways.token import Issuer
from benchmarks.report import row
from emulator.clock import Clock
from emulator.definition import Deployment
from emulator.gateway.authorize import Authorizer
from emulator.gateway.chain import Gateway, Surroundings
from emulator.gateway.context import Request
from emulator.gateway.jwt_judge import JwtJudge
from emulator.keyset import KeySet, https_fetch
from emulator.openapi import read_api
from emulator.stages import read_stages

HERE: Final = Path(__file__).parent.parent / "echo"
TIMES: Final = 1_000
ROUNDS: Final = 20
REFUSAL_US: Final = 15.0
COLD_RATIO: Final = 1.5
KEYS: Final = {"keys": [{"id": name, "value": f"{name}-key", "plan": name, "enabled": True} for name in ("all", "few")]}


class _Nobody:
    """Takes the place of the functions: a refused request never gets there."""

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> "_Outcome":
        return _Outcome()


class _Outcome:
    payload = b'{"statusCode": 200, "body": ""}'
    error = None


def report(folder: Path, issuer: Issuer) -> None:
    """Print microseconds of CPU for each refusal, and for a cold token beside its verification alone."""
    (folder / "keys.json").write_text(json.dumps(KEYS))
    asyncio.run(_report(_gateway(folder, issuer), issuer))


def _gateway(folder: Path, issuer: Issuer) -> Gateway:
    variables = {"region": "us-east-1", "account": "123456789012", "stage": "local"}
    variables |= {"issuer": issuer.url, "algorithm": "RS256"}
    stage, plans, account = read_stages(HERE / "stages.yaml", "local", variables)
    api = read_api(HERE / "api.yaml", variables, stage.integration_timeout_ms)
    clock = Clock()
    around = Surroundings(
        functions=_Nobody(),
        invocation_refusals={},
        keysets={issuer.url: KeySet(issuer.url, https_fetch(issuer.ca, clock), clock)},
        write_log=lambda _: None,
        api_keys_file=folder / "keys.json",
        clock=clock,
    )
    return Gateway(Deployment(api, stage, plans, account, variables["account"], variables["region"], "echo"), around)


async def _report(gateway: Gateway, issuer: Issuer) -> None:
    gc.freeze()  # as the emulator does once it serves
    good = issuer.token()
    tampered = good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB")
    cases = (
        ("200 (no function behind it), for comparison", 200, _request(good)),
        ("401 without a token", 401, _request("")),
        ("401 a tampered token, the same each time", 401, _request(tampered)),
        ("401 an expired token, the same each time", 401, _request(issuer.token(iat=1, exp=2))),
        ("403 a token without the scope", 403, _request(issuer.token(scope="other"))),
        ("403 an API key that nobody has", 403, _request(good, "nobody")),
        ("429 beyond the plan's rate", 429, _request(good, "few-key")),
    )
    row("answer", "CPU us", "of a target of")
    for name, status, make in cases:
        spent_us = await _spent(gateway, status, make)
        target = f"{REFUSAL_US:.0f}" if status != 200 else ""
        row(name, f"{spent_us:.1f}", target, "" if status == 200 else "met" if spent_us <= REFUSAL_US else "MISSED")
    _cold(gateway, issuer)


async def _spent(gateway: Gateway, status: int, make: Callable[[], Request]) -> float:
    """Return the least of several rounds, after the first refusals: what else the machine does only adds."""
    for _ in range(3):
        reply = await gateway.handle(make())
    assert reply.status == status, (reply.status, reply.body)
    rounds = [await _round(gateway, [make() for _ in range(TIMES)]) for _ in range(ROUNDS)]
    return min(rounds)


async def _round(gateway: Gateway, requests: list[Request]) -> float:
    began = time.process_time()
    for request in requests:
        await gateway.handle(request)
    return (time.process_time() - began) / len(requests) * 1e6


def _cold(gateway: Gateway, issuer: Issuer) -> None:
    """Tokens that were not seen before: read, verified, their claims checked, remembered; beside verification alone."""
    authorizer = next(step for step in gateway.steps if isinstance(step, Authorizer))
    (judge,) = authorizer.judges.values()
    numbers = count(1)
    cold, raw = [], []
    for _ in range(ROUNDS):
        tokens = [issuer.token(next(numbers)) for _ in range(TIMES)]
        raw.append(_raw(issuer, tokens))
        cold.append(_judged(judge, tokens))
    ratio = min(cold) / min(raw)
    row("RS256 verified by cryptography alone", f"{min(raw):.1f}")
    row("a cold token, all that is done for it", f"{min(cold):.1f}")
    row("  ratio", f"{ratio:.2f}", f"{COLD_RATIO:g}", "met" if ratio <= COLD_RATIO else "MISSED")


def _judged(judge: JwtJudge, tokens: list[str]) -> float:
    began = time.process_time()
    for token in tokens:
        judge(token)
    return (time.process_time() - began) / len(tokens) * 1e6


def _raw(issuer: Issuer, tokens: list[str]) -> float:
    public, how, digest = issuer.key.public_key(), padding.PKCS1v15(), SHA256()
    parts = [token.rpartition(".") for token in tokens]
    signed = [(base64url_decode(signature), text.encode()) for text, _, signature in parts]
    began = time.process_time()
    for signature, text in signed:
        public.verify(signature, text, how, digest)
    return (time.process_time() - began) / len(tokens) * 1e6


def _request(token: str, key: str = "all-key") -> Callable[[], Request]:
    body = json.dumps({"amount": 1, "text": "x" * 250}).encode()
    headers = [
        (b"Host", b"localhost"),
        (b"x-api-key", key.encode()),
        (b"Content-Type", b"application/json"),
        (b"Idempotency-Key", b"bench"),
        (b"Content-Length", str(len(body)).encode()),
    ]
    if token:
        headers.append((b"Authorization", b"Bearer " + token.encode()))
    return lambda: Request("POST", "/echo", b"", headers, body, "127.0.0.1")
