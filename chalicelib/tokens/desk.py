"""What the token endpoint works with, chosen once per environment: the ledger's bench, and a signer and a pepper."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Protocol

from chalicelib.settings import TokenSettings
from chalicelib.store.wire import AwsJson
from chalicelib.tokens.failures import Failures
from chalicelib.tokens.kms import CALL_SECONDS, JsonCaller, KmsSigner
from chalicelib.tokens.token import Claims, Terms
from chalicelib.tokens.trouble import told_as_busy
from chalicelib.web.call import Bench
from chalicelib.wiring import open_bench


class Signer(Protocol):
    """Whoever holds the key."""

    def sign(self, claims: Claims) -> str:
        """Return a signed token in compact form."""
        ...


@dataclass(frozen=True, slots=True)
class Desk(Bench):
    """A bench with what tokens need besides."""

    signer: Signer
    pepper: bytes
    terms: Terms
    failures: Failures


def open_desk() -> Desk:
    """Open the desk from the environment's settings (one call to Secrets Manager)."""
    settings = TokenSettings.from_environment()
    bench = open_bench()
    return Desk(
        dynamo=bench.dynamo,
        clock=bench.clock,
        chance=bench.chance,
        metrics=bench.metrics,
        signer=KmsSigner(AwsJson("kms", "TrentService", "1.1"), settings.signing_key_id),
        pepper=read_pepper(AwsJson("secretsmanager", "secretsmanager", "1.1"), settings.pepper_secret_id),
        terms=Terms(settings.issuer, settings.audience, settings.token_seconds),
        failures=Failures(bench.clock),
    )


def read_pepper(secrets_manager: JsonCaller, secret_id: str) -> bytes:
    """Return the key of the secrets' hashes, kept as binary; without an answer the first requests are told to wait."""
    with told_as_busy():
        answer = secrets_manager.call("GetSecretValue", {"SecretId": secret_id}, CALL_SECONDS, repeatable=True)
    return b64decode(answer["SecretBinary"])
