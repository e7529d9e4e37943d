"""A stand-in without the platform in it, and the small things that are tried there."""

import hashlib
import http.client
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.local_stack import until

REGION = "us-east-1"
PATIENCE_SECONDS = 10.0
NOT_LONG_SECONDS = 2.0
"""For what is known not to happen."""

IDLE = "def handle(event, context):\n    return {}\n"

_ROLE = "probe"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20)
_KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
_numbers = count(1)


@dataclass(slots=True)
class Bare:
    """A stand-in at an endpoint."""

    url: str
    account: str = ""
    patience_seconds: float = PATIENCE_SECONDS
    clients: dict[str, Any] = field(default_factory=dict)
    has_run: bool = False

    @classmethod
    def at(cls, url: str) -> "Bare":
        bare = cls(url)
        bare.account = bare.client("sts").get_caller_identity()["Account"]
        bare.client("iam").create_role(RoleName=_ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))
        return bare

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account}:role/{_ROLE}"

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.client_of(service, **_KEYS)
        return self.clients[service]

    def client_of(self, service: str, **keys: str) -> Any:
        """Return a client with other keys."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=_CONFIG, **keys)

    @property
    def gateway(self) -> Any:
        return self.client("apigateway")

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what the stand-in does by itself."""
        until("the stand-in has done it", holds, self.patience_seconds)

    def name(self) -> str:
        return f"probe-{next(_numbers)}"

    # --- API Gateway ----------------------------------------------------------------------------------------

    def api(self) -> str:
        return str(self.gateway.create_rest_api(name=self.name())["id"])

    def jwt_authorizer(self, api: str) -> str:
        issuers = [{"issuer": "https://issuer.example", "audiences": ["tollgate"]}]
        made = self.gateway.create_authorizer(
            restApiId=api,
            name=self.name(),
            type="JWT",
            identitySource="method.request.header.Authorization",
            jwtConfiguration={"issuers": issuers, "defaultAlgorithms": ["ES256"]},
        )
        return str(made["id"])

    def mock(
        self, api: str, path: str, verb: str = "GET", templates: dict[str, str] | None = None, **more: Any
    ) -> dict[str, str]:
        """Make a method that answers 200 by itself."""
        where = self._method(api, path, verb, more)
        choice = {"application/json": '{"statusCode": 200}'}
        self.gateway.put_integration(**where, type="MOCK", requestTemplates=choice)
        self.gateway.put_method_response(**where, statusCode="200")
        self.gateway.put_integration_response(**where, statusCode="200", responseTemplates=templates or {})
        return where

    def proxy(self, api: str, path: str, **more: Any) -> None:
        """Make GET /path, answered by a function, and serve it."""
        code = "def handle(event, context):\n    return {'statusCode': 200, 'body': 'fine'}\n"
        arn = f"arn:aws:lambda:{REGION}:{self.account}:function:{self.function(code)}"
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
        where = self._method(api, path, "GET", more)
        self.gateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        self.serve(api)

    def _method(self, api: str, path: str, verb: str, more: dict[str, Any]) -> dict[str, str]:
        root = self.gateway.get_resources(restApiId=api)["items"][0]["id"]
        resource = self.gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
        where = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
        self.gateway.put_method(**where, **{"authorizationType": "NONE", **more})
        return where

    def serve(self, api: str) -> None:
        self.gateway.create_deployment(restApiId=api, stageName="dev")

    def ask(self, api: str, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str]:
        """Ask the stand-in's own gateway, by the path that LocalStack has for it too."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            connection.request(method, f"/_aws/execute-api/{api}/dev/{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    # --- Lambda ---------------------------------------------------------------------------------------------

    def function(self, code: str, runtime: str = "python3.11", timeout: int = 5) -> str:
        """Make a function; fails where none can run, before anybody waits for it."""
        if not self.has_run:
            assert self.invoke(self._made(IDLE, "python3.11", 5), {}) == {}, "no function runs"
            self.has_run = True
        return self._made(code, runtime, timeout)

    def _made(self, code: str, runtime: str, timeout: int) -> str:
        packed, name = io.BytesIO(), self.name()
        with zipfile.ZipFile(packed, "w") as package:
            package.writestr("probe.py", code)
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=self.role,
            Handler="probe.handle",
            Code={"ZipFile": packed.getvalue()},
            MemorySize=128,
            Timeout=timeout,
        )
        self.until(lambda: functions.get_function_configuration(FunctionName=name)["State"] == "Active")
        return name

    def invoke(self, name: str, event: Any) -> Any:
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    def log(self, function: str) -> str:
        """Return what the function has written so far."""
        logs = self.client("logs")
        try:
            rows = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return ""
        return "".join(f"{row['message'].rstrip()}\n" for row in rows)

    def follow(self, table: str, function: str, only: Any = None, **more: Any) -> None:
        """Have a table's stream start a function."""
        stream = self.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        filters = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(only)}]}} if only else {}
        self.client("lambda").create_event_source_mapping(
            FunctionName=function, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", **filters, **more
        )

    # --- tables and keys ------------------------------------------------------------------------------------

    def table(self, **more: Any) -> str:
        name = self.name()
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **more,
        )
        return name

    def put(self, table: str, pk: str, **more: Any) -> None:
        self.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": pk}, **more})

    def signing_key(self) -> str:
        made = self.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        return str(made["KeyMetadata"]["KeyId"])

    def signs_rightly(self, *, digest: bool) -> bool:
        """Sign a message, or its digest, and verify it as anybody would."""
        kms, key, message = self.client("kms"), self.signing_key(), b"header.payload"
        given, kind = (hashlib.sha256(message).digest(), "DIGEST") if digest else (message, "RAW")
        signed = kms.sign(KeyId=key, Message=given, MessageType=kind, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
        assert isinstance(public, ec.EllipticCurvePublicKey)
        try:
            public.verify(signed, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True
