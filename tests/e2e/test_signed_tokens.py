"""Tokens signed by the platform's own key that are still not good: expired, for somebody else, not for access."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from chalicelib.kernel.jwk import base64url
from chalicelib.tokens.jose import compact
from infra.local.api_client import Api
from infra.local.engines import ROOT
from infra.resources import read_resources
from tests.e2e.local_stack import LocalStack, clean_environment, functions_environment

Sign = Callable[..., str]


@pytest.fixture(scope="module")
def sign(stack: LocalStack, api: Api) -> Sign:
    """Return what signs claims with the key that signs real tokens."""
    environment = functions_environment(stack)
    kms = boto3.client(
        "kms",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    head, payload, _ = api.token.split(".")
    claims: dict[str, Any] = json.loads(_decoded(payload))

    def make(**changes: Any) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        signed = f"{head}.{base64url(json.dumps(changed).encode())}".encode()
        key = read_resources("local").signing_key
        answer = kms.sign(KeyId=key, Message=signed, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
        return compact(signed, answer["Signature"])

    return make


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _get(api: Api, token: str) -> Any:
    client = api.clone()
    client.token = token
    try:
        return client.get("/v1/payments?limit=1")
    finally:
        client.close()


def test_a_token_signed_here_unchanged_is_good(api: Api, sign: Sign) -> None:
    assert _get(api, sign()).status == 200


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("exp", lambda now: now - 1),
        ("exp", lambda now: str(now + 600)),
        ("exp", None),
        ("nbf", lambda now: now + 600),
        ("iat", lambda now: now + 600),
        ("aud", "somebody-else"),
        ("aud", None),
        ("iss", "https://localhost/another"),
        ("token_use", "id"),
        ("token_use", None),
    ],
)
def test_a_token_that_is_not_for_now_or_not_for_here_is_refused(
    api: Api, sign: Sign, claim: str, value: str | Callable[[int], object] | None
) -> None:
    answer = _get(api, sign(**{claim: value(int(time.time())) if callable(value) else value}))
    assert answer.status == 401, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_another_client_does_not_go_with_this_api_key(api: Api, sign: Sign) -> None:
    answer = _get(api, sign(api_key_id="somebody-elses"))
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


def test_o14_a_key_is_published_ahead_on_the_running_stack(stack: LocalStack, api: Api) -> None:
    """The command finds the stack, and the gateway serves the new document while tokens go on being good."""
    environment = {**clean_environment(), "DATA": str(stack.data)}
    command = [sys.executable, "-m", "infra.rotation", "begin", "--stage", "local"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "signs from" in done.stdout
    keys = json.loads(api.get("/_emulator/issuer/.well-known/jwks.json").body)["keys"]
    assert len({key["kid"] for key in keys}) == 2
    again = api.clone().login()
    assert again.get("/v1/payments").status == 200
    again.close()
