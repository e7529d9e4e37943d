"""The engines that the contract of the store is tried on, each a child process for the whole session."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from chalicelib.store.dynamo import Boto3Dynamo, LeanDynamo
from chalicelib.store.port import Dynamo, Key, Table
from infra.local import engines
from tests.contract.differences import known
from tests.contract.places import CREDENTIALS, REGION, TABLES, close_wires, create_tables, lean_wire
from tests.doubles.memory_dynamo import MemoryDynamo

ENGINE_HOME = engines.ROOT / ".local" / "engine"

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect what is known to differ; strictly, so that an engine that does better is noticed."""
    for item in items:
        reason = known(getattr(item, "originalname", ""), _engine_of(item))
        if reason:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def _engine_of(item: pytest.Item) -> str:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    chosen = [str(parameters[name]) for name in ("store", "engine_url", "weighing_url") if name in parameters]
    return chosen[0].partition("-")[0] if chosen else ""


@pytest.fixture(scope="session", autouse=True)
def _aws_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key)
        patch.setenv("AWS_REGION", REGION)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield


@pytest.fixture(scope="session")
def dynoxide_url(_aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        choice = engines.choose("dynoxide", ENGINE_HOME)
    except engines.NoEngine as reason:
        pytest.skip(str(reason))
    yield from _running(engines.start(choice, data=tmp_path_factory.mktemp("dynoxide")))


@pytest.fixture(scope="session")
def moto_url(_aws_environment: None) -> Iterator[str]:
    yield from _running(engines.start_moto())


@pytest.fixture(scope="session")
def ministack_url(_aws_environment: None) -> Iterator[str]:
    yield from _running(engines.start(_ministack()))


def _ministack() -> engines.Choice:
    """Fail with one line where it cannot be installed: an engine that drops out silently proves nothing."""
    try:
        return engines.choose("ministack", ENGINE_HOME)
    except engines.NoEngine as reason:
        said = str(reason)
    pytest.fail(said, pytrace=False)


def _running(engine: engines.Engine) -> Iterator[str]:
    try:
        create_tables(engine.url)
        yield engine.url
    finally:
        engine.stop()


def _lean(url: str) -> Dynamo:
    return LeanDynamo(TABLES, wire=lean_wire(url))


def _boto3(url: str) -> Dynamo:
    return Boto3Dynamo(TABLES, endpoint=url, region=REGION)


_CLIENTS: dict[str, Callable[[str], Dynamo]] = {"lean": _lean, "boto3": _boto3}
_opened: dict[tuple[str, str], Dynamo] = {}


def opened(client: str, url: str) -> Dynamo:
    """One client for each engine: a boto3 client takes longer to make than most of these tests to run."""
    if (client, url) not in _opened:
        _opened[client, url] = _CLIENTS[client](url)
    return _opened[client, url]


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    close_wires()


@pytest.fixture(
    params=["memory", "dynoxide-lean", "dynoxide-boto3", "moto-lean", "moto-boto3", "ministack-lean", "ministack-boto3"]
)
def store(request: pytest.FixtureRequest) -> Dynamo:
    """The port, on every engine and through every client."""
    if request.param == "memory":
        return MemoryDynamo()
    engine, client = request.param.split("-")
    return opened(client, request.getfixturevalue(f"{engine}_url"))


@pytest.fixture(params=["dynoxide", "moto", "ministack"])
def engine_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["dynoxide", "ministack"])
def weighing_url(request: pytest.FixtureRequest) -> str:
    """The engines that say what a transaction consumed; moto does not."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def pk() -> str:
    """A partition that no other test uses."""
    return f"test.sandbox#{os.getpid()}#{next(_numbers)}"


@pytest.fixture
def key(pk: str) -> Callable[..., Key]:
    def make(sk: str, table: Table = "ledger") -> Key:
        return Key(table, pk, sk)

    return make


@pytest.fixture
def token() -> Callable[[], str]:
    """A fresh ClientRequestToken at each call."""
    return lambda: f"token-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def commit(store: Dynamo, token: Callable[[], str]) -> Callable[..., None]:
    """Transact with a fresh token and patience for a busy machine."""

    def run(*writes: Any, using: str | None = None) -> None:
        store.transact(writes, token=using or token(), timeout_seconds=10.0)

    return run
