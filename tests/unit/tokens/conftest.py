"""A desk with a key of its own, and one registered client."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.store.keys import client_key
from chalicelib.store.port import Dynamo, Value
from chalicelib.tokens.desk import Desk
from chalicelib.tokens.failures import Failures
from chalicelib.tokens.issue import issue
from chalicelib.tokens.kms import KmsSigner
from chalicelib.tokens.secret import hash_secret
from chalicelib.tokens.token import Terms
from chalicelib.web.metrics import Metrics
from chalicelib.web.serve import OpenRoute, Service
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.platform import Context
from tests.doubles.time_and_chance import HandClock, SeededChance

PEPPER = bytes(range(32))
CLIENT_ID = "cl_merchant"
SECRET = "tgs_rather+secret/%:&="
FORM = "application/x-www-form-urlencoded"
TERMS = Terms("https://issuer.example", "tollgate", 900)


@dataclass(slots=True)
class FakeKms:
    """KMS as wire.AwsJson would reach it: one alias, whatever key it points to now."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    key_id: str = "key-1"
    calls: list[str] = field(default_factory=list)
    before_sign: Callable[[], None] = field(default=lambda: None)

    def call(
        self, operation: str, body: dict[str, Any], timeout_seconds: float, *, repeatable: bool = False
    ) -> dict[str, Any]:
        assert (body["KeyId"], timeout_seconds > 0, repeatable) == ("alias/tokens", True, True)
        self.calls.append(operation)
        if operation == "GetPublicKey":
            der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return {"KeyId": self.key_id, "PublicKey": b64encode(der).decode()}
        assert (body["MessageType"], body["SigningAlgorithm"]) == ("RAW", "ECDSA_SHA_256")
        self.before_sign()
        signature = self.key.sign(body["Message"], ec.ECDSA(SHA256()))
        arn = f"arn:aws:kms:us-east-1:123456789012:key/{self.key_id}"
        return {"KeyId": arn, "Signature": b64encode(signature).decode()}

    def rotate(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_id = f"key-{int(self.key_id[4:]) + 1}"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass(slots=True)
class TokenHouse:
    """The tokens function on doubles."""

    dynamo: MemoryDynamo = field(default_factory=MemoryDynamo)
    clock: HandClock = field(default_factory=HandClock)
    kms: FakeKms = field(default_factory=FakeKms)
    desk: Desk = field(init=False)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.desk = self.desk_on(self.dynamo)
        self.service = Service("tokens", {"POST /oauth2/token": OpenRoute(issue)}, lambda: self.desk)

    def desk_on(self, dynamo: Dynamo) -> Desk:
        signer = KmsSigner(self.kms, "alias/tokens")
        return Desk(dynamo, self.clock, SeededChance(), Metrics("test"), signer, PEPPER, TERMS, Failures(self.clock))

    def register(self, client_id: str = CLIENT_ID, *secrets: str, **changed: Value) -> None:
        hashes: list[Value] = [{"h": hash_secret(PEPPER, one), "created_at": 1} for one in secrets or (SECRET,)]
        item: dict[str, Value] = {
            "tenant": "demo.live",
            "principal": "prn_merchant",
            "role": "merchant",
            "scopes": ["payments:read", "payments:write"],
            "secret_hashes": hashes,
            "api_key_id": "key123",
            "status": "active",
            "plan": "sandbox",
            "created_at": 1,
            **changed,
        }
        self.dynamo.seed(client_key(client_id), item)

    def post(
        self,
        body: str = "grant_type=client_credentials",
        basic: tuple[str, str] | None = None,
        *,
        headers: Mapping[str, list[str]] | None = None,
        query: Mapping[str, list[str]] | None = None,
        source_ip: str = "10.0.0.1",
    ) -> Response:
        sent: dict[str, list[str]] = {"Content-Type": [FORM]}
        if basic is not None:
            sent["Authorization"] = ["Basic " + b64encode(":".join(basic).encode()).decode()]
        event = {
            "resource": "/oauth2/token",
            "path": "/oauth2/token",
            "httpMethod": "POST",
            "multiValueHeaders": sent | dict(headers or {}),
            "multiValueQueryStringParameters": query,
            "pathParameters": None,
            "requestContext": {
                "requestId": "req-1",
                "identity": {"sourceIp": source_ip},
                "resourcePath": "/oauth2/token",
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer = self.service(event, Context())
        return Response(answer["statusCode"], answer["headers"], answer["body"])


@pytest.fixture
def house() -> TokenHouse:
    """A token house with one client."""
    made = TokenHouse()
    made.register()
    return made
