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

from chalicelib.kernel.jwk import base64url, public_jwk
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
    kms = _client(environment, "kms", environment["AWS_ENDPOINT_URL"])
    head, payload, _ = api.token.split(".")
    claims: dict[str, Any] = json.loads(_decoded(payload))
    key = _key_of(kms, json.loads(_decoded(head))["kid"])

    def make(**changes: Any) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        signed = f"{head}.{base64url(json.dumps(changed).encode())}".encode()
        answer = kms.sign(KeyId=key, Message=signed, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
        return compact(signed, answer["Signature"])

    return make


def _client(environment: dict[str, str], service: str, url: str) -> Any:
    region = environment["AWS_REGION"]
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=url, region_name=region, **keys)


def _key_of(kms: Any, kid: str) -> str:
    """Return the key that signed a token; another one may sign by now."""
    keys: list[str] = [one["KeyId"] for one in kms.list_keys()["Keys"]]
    return next(key for key in keys if public_jwk(kms.get_public_key(KeyId=key)["PublicKey"])["kid"] == kid)


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


def _published(api: Api) -> set[str]:
    return {key["kid"] for key in json.loads(api.get("/_emulator/issuer/.well-known/jwks.json").body)["keys"]}


def _lambda_of(stack: LocalStack) -> str:
    """Return where functions of the stack invoke one another: every process that runs one is told."""
    told = (member.environ().get("AWS_ENDPOINT_URL_LAMBDA", "") for member in stack.members())
    return next(url for url in told if url)


def test_f17_command_and_scheduled_function_rotate_the_running_stack(stack: LocalStack, api: Api) -> None:
    """The command begins, the function, invoked as by its schedule, ends it; tokens of before and after are good."""
    published = _published(api)
    assert len(published) == 2, "a standby has been there from the start"
    command = [sys.executable, "-m", "infra.rotation", "begin", "--stage", "local"]
    environment = {**clean_environment(), "DATA": str(stack.data)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "its successor may" in done.stdout
    assert "its successor may from" in _rotated(stack)[-1]
    _let_the_standby_be_old(stack)
    assert "signs now" in _rotated(stack)[-1]
    assert _published(api) == published
    again = api.clone().login()
    heads = [json.loads(_decoded(client.token.partition(".")[0]))["kid"] for client in (api, again)]
    assert set(heads) == published
    assert [client.get("/v1/payments").status for client in (api, again)] == [200, 200]
    again.close()


def _rotated(stack: LocalStack) -> list[str]:
    functions = _client(functions_environment(stack), "lambda", _lambda_of(stack))
    answer = functions.invoke(FunctionName="tollgate-local-keys", Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    said: list[str] = json.loads(answer["Payload"].read())["said"]
    return said


def _let_the_standby_be_old(stack: LocalStack) -> None:
    environment = functions_environment(stack)
    kms = _client(environment, "kms", environment["AWS_ENDPOINT_URL"])
    standby = kms.describe_key(KeyId=f"{read_resources('local').signing_key}-next")["KeyMetadata"]["KeyId"]
    since = {"TagKey": "tollgate:published-at", "TagValue": str(int(time.time()) - 7_200)}
    kms.tag_resource(KeyId=standby, Tags=[since])
