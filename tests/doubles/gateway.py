"""A small API behind the emulator's gateway, with its clock, its issuer and its functions in the test's hands."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from emulator.clock import Clock
from emulator.definition import Deployment
from emulator.gateway.chain import Gateway, Surroundings
from emulator.gateway.context import Reply, Request
from emulator.gateway.metrics import Metrics
from emulator.keyset import KeySet
from emulator.openapi import read_api
from emulator.stages import definition_variables, read_stages

HERE = Path(__file__).parent
ISSUER = "https://issuer.test/a"
AUDIENCE = "https://api.test"
ACCOUNT = "123456789012"
# 2026-11-23 10:00:00 UTC, a Monday
START = 1_795_428_000_000

SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Handler = Callable[[dict[str, Any]], Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key: EllipticCurvePrivateKey | rsa.RSAPrivateKey, kid: str, **more: object) -> dict[str, Any]:
    algorithm = jwt.algorithms.ECAlgorithm if isinstance(key, EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    public: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))  # type: ignore[arg-type]
    public.pop("key_ops", None)
    return {**public, "kid": kid, "use": "sig", **more}


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to None takes a claim away."""
    now = START // 1000
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + 600,
        "iat": now - 1,
        "jti": "j1",
        "sub": "client-1",
        "client_id": "client-1",
        "scope": "things:read things:write",
        "token_use": "access",
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def mint(payload: Mapping[str, Any] | None = None, *, key: Any = None, alg: str = "ES256", **header: Any) -> str:
    return jwt.encode(
        dict(claims() if payload is None else payload),
        SIGNING_KEY if key is None else key,
        algorithm=alg,
        headers={"kid": "k1", "typ": "at+jwt"} | header,
    )


def sign_raw(header: bytes, payload: bytes) -> str:
    """A token of exactly these bytes, rightly signed."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    signature = jwt.algorithms.get_default_algorithms()["ES256"].sign(signing_input.encode(), SIGNING_KEY)
    return f"{signing_input}.{b64(signature)}"


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, wall_at: int = START) -> None:
        self.wall_at = wall_at
        self.steady_at = 0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall_at, steady=lambda: self.steady_at)

    def advance(self, milliseconds: int) -> None:
        self.wall_at += milliseconds
        self.steady_at += milliseconds


@dataclass
class Issuer:
    """Serves discovery and JWKS from memory and counts the calls."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(SIGNING_KEY, "k1"), jwk(RSA_KEY, "r1")])
    discovery: dict[str, Any] = field(
        default_factory=lambda: {"issuer": ISSUER, "jwks_uri": "https://issuer.test/keys"}
    )
    calls: list[str] = field(default_factory=list)
    fails: bool = False

    def __call__(self, url: str) -> bytes:
        self.calls.append(url)
        if self.fails:
            raise OSError("unreachable")
        return orjson.dumps(self.discovery if url.endswith("openid-configuration") else {"keys": self.keys})


@dataclass(frozen=True)
class Outcome:
    payload: bytes
    error: str | None = None


class UnknownFunction(Exception):
    pass


class TooManyRequests(Exception):
    pass


def echo(event: dict[str, Any]) -> Any:
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}


@dataclass
class FakeFunctions:
    """Answers every function with `handler`, which may also return an Outcome, an awaitable, or raise."""

    handler: Handler = echo
    events: list[dict[str, Any]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    finished: int = 0

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> Outcome:
        event = orjson.loads(payload)
        assert event.get("type") == "TOKEN" or event["requestContext"]["requestId"] == request_id
        assert trace_id.startswith("Root=1-")
        self.names.append(name)
        self.events.append(event)
        answer = self.handler(event)
        if isinstance(answer, Awaitable):
            answer = await answer
        self.finished += 1
        return answer if isinstance(answer, Outcome) else Outcome(orjson.dumps(answer))


def statement(effect: str = "Allow", resource: object = "*", **more: object) -> dict[str, Any]:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource, **more}


def ruling(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a Lambda authorizer answers: everything is allowed, unless statements say otherwise."""
    document = {"Version": "2012-10-17", "Statement": list(statements or [statement()])}
    return {"principalId": "caller-1", "policyDocument": document, **more}


def failed(message: str) -> Outcome:
    """The function raised an exception with these words."""
    return Outcome(orjson.dumps({"errorMessage": message, "errorType": "Exception"}), "Unhandled")


@dataclass
class Ruled:
    """An authorizer and an echo function in one: what it was asked as the former is in `asked`."""

    answer: Handler = field(default=lambda _: ruling())
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, event: dict[str, Any]) -> Any:
        if "methodArn" not in event:
            return echo(event)
        self.asked.append(event)
        return self.answer(event)


@lru_cache
def read_deployment(api: Path | None = None, stages: Path | None = None, **changes: str) -> Deployment:
    variables = {
        "region": "us-east-1",
        "account": ACCOUNT,
        "stage": "local",
        "issuer": ISSUER,
        "audience": AUDIENCE,
    } | changes
    stage, plans, account = read_stages(stages or HERE / "gateway_stages.yaml", "local", variables)
    read = read_api(
        api or HERE / "gateway_api.yaml", variables | definition_variables(stage), stage.integration_timeout_ms
    )
    return Deployment(read, stage, plans, account, ACCOUNT, "us-east-1", "sample0000")


KEYS = {
    "keys": [
        {"id": "key-big", "value": "big-value", "plan": "big", "enabled": True},
        {"id": "key-small", "value": "small-value", "plan": "small", "enabled": True},
        {"id": "key-free", "value": "free-value", "plan": "unlimited"},
        {"id": "key-off", "value": "off-value", "plan": "big", "enabled": False},
        {"id": "key-lost", "value": "lost-value", "plan": "nowhere", "enabled": True},
    ]
}
REFUSALS = {UnknownFunction: "API_CONFIGURATION_ERROR", TooManyRequests: "DEFAULT_5XX"}


@dataclass
class Rig:
    """A gateway with everything around it in reach."""

    directory: Path
    deployment: Deployment = field(default_factory=read_deployment)
    time: HandClock = field(default_factory=HandClock)
    issuer: Issuer = field(default_factory=Issuer)
    functions: FakeFunctions = field(default_factory=FakeFunctions)
    log: list[bytes] = field(default_factory=list)
    others: dict[str, Issuer] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.keys_file = self.directory / "api_keys.json"
        self.keys_file.write_bytes(orjson.dumps(KEYS))
        clock = self.time.clock()
        issuers = {ISSUER: self.issuer, **self.others}
        self.around = Surroundings(
            functions=self.functions,
            invocation_refusals=REFUSALS,
            keysets={name: KeySet(name, fetch, clock) for name, fetch in issuers.items()},
            write_log=self.log.append,
            api_keys_file=self.keys_file,
            quota_file=self.directory / "quotas.json",
            clock=clock,
            metrics=self.metrics,
        )
        self.gateway = Gateway(self.deployment, self.around)

    async def call(
        self, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        path, _, query = target.partition("?")
        pairs = {"Host": "api.test", **(headers or {})}
        return await self.gateway.handle(
            Request(
                method=method,
                raw_path=path,
                raw_query=query.encode(),
                raw_headers=[(name.encode(), value.encode("latin-1")) for name, value in pairs.items()],
                body=body,
                source_ip="127.0.0.9",
            )
        )

    def ask(self, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        return asyncio.run(self.call(method, target, body=body, headers=headers))

    def event(self, method: str, target: str, **more: Any) -> dict[str, Any]:
        """The event the function got for a request that reached it."""
        reply = self.ask(method, target, **more)
        assert reply.status == 200, reply
        return self.functions.events[-1]


def signed(token: str | None = None, key: str = "free-value", **more: str) -> dict[str, str]:
    """Headers of a client that is who it says."""
    return {"Authorization": f"Bearer {mint() if token is None else token}", "x-api-key": key, **more}


def header(reply: Reply, name: str) -> str | None:
    return next((value for known, value in reply.headers if known.lower() == name.lower()), None)


def message(reply: Reply) -> Any:
    return orjson.loads(reply.body)["message"]
