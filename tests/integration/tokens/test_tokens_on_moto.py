"""The tokens function by its handler string, with KMS, Secrets Manager and tables in moto, as `make run` sets it up."""

import importlib
import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest

from infra.clients import Place
from infra.functions import function_rows
from infra.local import engines
from infra.permissions import GRANTS
from infra.register import Issued, NewClient
from infra.resources import read_resources
from infra.signing import main as apply_signing
from infra.tables import apply_tables
from tests.doubles.platform import Context
from tests.doubles.tapped_aws import Tap, tapped

ISSUER = "https://localhost:8443/_emulator/issuer"
RESOURCES = read_resources("local")


@dataclass(frozen=True, slots=True)
class House:
    """A running function, and what was set up around it."""

    handle: Any
    client: Issued
    directory: Path
    tap: Tap

    def ask(self, secret: str) -> dict[str, Any]:
        pair = b64encode(f"{self.client.client_id}:{secret}".encode()).decode()
        headers = {
            "Authorization": [f"Basic {pair}"],
            "Content-Type": ["application/x-www-form-urlencoded"],
        }
        context = {"requestId": "req-1", "identity": {"sourceIp": "10.0.0.1"}, "resourcePath": "/oauth2/token"}
        event = {
            "resource": "/oauth2/token",
            "path": "/oauth2/token",
            "httpMethod": "POST",
            "multiValueHeaders": headers,
            "requestContext": context,
            "body": "grant_type=client_credentials",
            "isBase64Encoded": False,
        }
        answer: dict[str, Any] = self.handle(event, Context())
        return answer

    def verify(self, token: str) -> dict[str, Any]:
        """Verify as the gateway does: from the issuer's documents and nothing else."""
        documents = self.directory / "issuer"
        metadata = json.loads((documents / "openid-configuration").read_text())
        keys = jwt.PyJWKSet.from_json((documents / "jwks.json").read_text())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["ES256"], audience="tollgate", issuer=metadata["issuer"]
        )
        return claims


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Set up in the order of a first start; the function reads the environment it would be deployed with."""
    directory = tmp_path_factory.mktemp("data")
    moto = engines.start_moto()
    with pytest.MonkeyPatch.context() as patch, tapped(moto.url) as tap:
        place = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": tap.url}
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
        patch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tollgate-local-tokens")
        row = function_rows("local", {**place, **keys, "ISSUER": ISSUER})[0]
        for name, value in row["environment"].items():
            patch.setenv(name, value)
        for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        try:
            yield House(_handler(row["handler"]), _set_up(directory), directory, tap)
        finally:
            moto.stop()


def _set_up(directory: Path) -> Issued:
    apply_tables(RESOURCES, boto3.client("dynamodb"))
    pepper, keys = directory / "pepper", directory / "api_keys.json"
    apply_signing(
        [
            "--stage=local",
            f"--issuer={ISSUER}",
            "--api=https://localhost:8443",
            f"--directory={directory / 'issuer'}",
            f"--pepper-file={pepper}",
        ]
    )
    wanted = NewClient("demo.live", "operator", ("payments:read",), "sandbox")
    return Place(RESOURCES, keys, pepper).open().create(wanted)


def _handler(path: str) -> Any:
    module, _, name = path.rpartition(".")
    sys.modules.pop(module, None)  # a cold start, whatever ran before
    return getattr(importlib.import_module(module), name)


def test_a_token_is_issued_and_verifies_against_the_published_keys(house: House) -> None:
    answer = house.ask(house.client.client_secret)
    assert answer["statusCode"] == 200, answer["body"]
    body = json.loads(answer["body"])
    claims = house.verify(body["access_token"])
    assert (claims["iss"], claims["token_use"], claims["client_id"]) == (ISSUER, "access", house.client.client_id)
    assert (claims["principal"], claims["api_key_id"]) == (house.client.principal, house.client.api_key_id)
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 900


def test_a_wrong_secret_is_refused(house: House) -> None:
    answer = house.ask("tgs_wrong")
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (401, "invalid_client")


def test_a_new_signing_key_is_used_and_named_at_once(house: House) -> None:
    before = json.loads(house.ask(house.client.client_secret)["body"])["access_token"]
    kms = boto3.client("kms")
    old = kms.describe_key(KeyId=RESOURCES.signing_key)["KeyMetadata"]["KeyId"]
    new = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=RESOURCES.signing_key, TargetKeyId=new)
    try:
        token = json.loads(house.ask(house.client.client_secret)["body"])["access_token"]
    finally:
        kms.update_alias(AliasName=RESOURCES.signing_key, TargetKeyId=old)
    assert jwt.get_unverified_header(token)["kid"] != jwt.get_unverified_header(before)["kid"]
    with pytest.raises(KeyError):
        house.verify(token)  # not published yet: publishing comes before the first use


def test_l3_it_calls_what_its_policy_grants(house: House) -> None:
    assert house.ask(house.client.client_secret)["statusCode"] == 200
    granted = {action for grant in GRANTS["tokens"] for action in grant.actions}
    assert {call.action for call in house.tap.calls} == granted
    assert {call.table for call in house.tap.calls} == {"", RESOURCES.tables["clients"]}
