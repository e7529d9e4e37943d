"""Clients of the shared stack, and stacks that a test may break."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.store.dynamo import LeanDynamo
from chalicelib.store.wire import AwsJson
from chalicelib.store.wire import Credentials as AwsCredentials
from chalicelib.tokens.scopes import SCOPES
from infra.api_keys import FileApiKeys
from infra.clients import plan_names
from infra.local.api_client import Api, Credentials
from infra.local.seed import TENANT
from infra.register import NewClient, Register
from tests.e2e.local_stack import LocalStack, functions_environment

NewApi = Callable[..., Api]
NewStack = Callable[..., LocalStack]


@pytest.fixture(scope="session")
def api(stack: LocalStack) -> Iterator[Api]:
    """Give the sandbox's client, logged in."""
    client = stack.api()
    yield client
    client.close()


@pytest.fixture(scope="session")
def accounts(stack: LocalStack) -> dict[str, str]:
    """Give the sandbox's accounts by name."""
    return stack.sandbox.accounts


@pytest.fixture
def new_client(stack: LocalStack) -> Iterator[NewApi]:
    """Register clients, each with an API key and (unless told) a principal of its own."""
    wire, opened = tables_of(stack), list[Api]()
    register = register_of(stack, wire)

    def make(
        role: str = "merchant",
        tenant: str = TENANT,
        plan: str = "sandbox",
        scopes: tuple[str, ...] = SCOPES,
        principal: str | None = None,
    ) -> Api:
        issued = register.create(NewClient(tenant, role, tuple(scopes), plan, principal))
        credentials = Credentials(issued.client_id, issued.client_secret, issued.api_key)
        opened.append(Api(stack.sandbox.base_url, stack.sandbox.ca, credentials).login())
        return opened[-1]

    yield make
    for client in opened:
        client.close()
    wire.close()


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[NewStack]:
    """Make stacks that a test may start, break and start again; all are ended with the test."""
    made: list[LocalStack] = []

    def make(engine: str = "auto") -> LocalStack:
        made.append(LocalStack(tmp_path / secrets.token_hex(4), engine))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def tables_of(stack: LocalStack) -> AwsJson:
    """Open a connection to a stack's tables."""
    environment = functions_environment(stack)
    return AwsJson(
        "dynamodb",
        "DynamoDB_20120810",
        endpoint=environment["AWS_ENDPOINT_URL_DYNAMODB"],
        region=environment["AWS_REGION"],
        credentials=lambda: AwsCredentials("local", "local"),
    )


def register_of(stack: LocalStack, wire: AwsJson) -> Register:
    """Open the register of clients that a stack uses."""
    return Register(
        LeanDynamo({"clients": functions_environment(stack)["CLIENTS_TABLE"]}, wire=wire),
        FileApiKeys(stack.data / "api_keys.json"),
        (stack.data / "pepper").read_bytes(),
        SystemClock(),
        SystemChance(),
        plan_names(),
    )
