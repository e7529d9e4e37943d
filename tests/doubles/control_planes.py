"""The control planes over HTTP, with the gateway's surroundings in the test's hands: boto3 speaks to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.session import Session
from botocore.validate import ParamValidator

from emulator.control.apis.live import Live
from emulator.control.apis.plane import ApiGateway
from emulator.control.errors import ControlError
from emulator.control.kept import Kept
from emulator.control.operation import Members, Operation, Plane
from emulator.control.server import Application, ControlApi
from emulator.gateway.chain import Surroundings
from emulator.gateway.context import Reply, Request
from emulator.keyset import KeySet
from emulator.lambdas.invoke_api import bound
from tests.doubles.gateway import ACCOUNT, REFUSALS, FakeFunctions, HandClock, Issuer


@lru_cache
def service_model(name: str) -> Any:
    """botocore's model of a service."""
    return Session().get_service_model(name)


@dataclass(frozen=True)
class Checked:
    """A plane whose every answer is held against botocore's shape of it."""

    plane: Plane

    @property
    def name(self) -> str:
        return self.plane.name

    @property
    def operations(self) -> Mapping[str, Operation]:
        model = service_model(self.name)
        return {name: _checked(one, model.operation_model(name)) for name, one in self.plane.operations.items()}


def _checked(operation: Operation, model: Any) -> Operation:
    async def call(asked: Members) -> Members:
        answer = await operation(asked)
        shape = model.output_shape
        unknown = set(answer) - set(shape.members if shape else ())
        assert not unknown, f"{model.name} answers {unknown}, which boto3 does not know"
        if shape is not None:
            # A list may be empty in an answer where a request has to name something.
            faults = ParamValidator().validate({name: one for name, one in answer.items() if one != []}, shape)
            assert not faults.has_errors(), f"{model.name}: {faults.generate_report()}"
        return answer

    return call


@contextmanager
def serving(planes: Sequence[Plane], invoke: Application | None = None) -> Iterator[str]:
    """Serve the planes; every answer is checked. Gives the endpoint."""
    api = ControlApi([Checked(plane) for plane in planes], invoke)
    api.restored.set()
    listener = bound()
    server = uvicorn.Server(uvicorn.Config(api, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def client(service: str, endpoint: str) -> Any:
    """boto3's client of an endpoint, which says at once what it does not get."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=True)
    return boto3.client(service, endpoint_url=endpoint, config=config, **keys)


@dataclass
class Apis:
    """API Gateway's plane in a folder, and what it serves."""

    folder: Path
    front: tuple[str, str] | None = None
    functions: FakeFunctions = field(default_factory=FakeFunctions)
    issuer: Issuer = field(default_factory=Issuer)
    time: HandClock = field(default_factory=HandClock)
    log: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        keysets: dict[str, KeySet] = {}
        clock = self.time.clock()

        def know(deployment: Any) -> None:
            for issuer in deployment.api.issuers:
                keysets.setdefault(issuer, KeySet(issuer, self.issuer, clock))

        around = Surroundings(self.functions, REFUSALS, keysets, self.log.append, clock=clock)
        self.live = Live(around, self.folder, "us-east-1", ACCOUNT, know, self.front)
        self.plane = ApiGateway(Kept(self.folder), self.live, self.issuer, clock)
        self.plane.releases.restore()

    async def call(self, operation: str, **asked: Any) -> Members:
        """An operation without the wire, its answer checked all the same."""
        answer: Members = await Checked(self.plane).operations[operation](asked)
        return answer

    def do(self, operation: str, **asked: Any) -> Members:
        """The same, for a test that has no event loop."""
        return asyncio.run(self.call(operation, **asked))

    def api(self, *paths: str) -> str:
        """The id of a new API with a MOCK behind GET of each of these paths."""
        api_id: str = self.do("CreateRestApi", name="made")["id"]
        for path in paths:
            self.add(api_id, path)
        return api_id

    def add(self, api_id: str, path: str, verb: str = "GET", **method: Any) -> str:
        """A method with a MOCK behind it that answers 200, and the id of its resource."""
        resource = self.resource(api_id, path)
        at = {"restApiId": api_id, "resourceId": resource, "httpMethod": verb}
        self.do("PutMethod", **at, **{"authorizationType": "NONE", **method})
        self.do("PutMethodResponse", **at, statusCode="200")
        templates = {"application/json": '{"statusCode": 200}'}
        self.do("PutIntegration", **at, type="MOCK", requestTemplates=templates)
        self.do("PutIntegrationResponse", **at, statusCode="200", responseTemplates={"application/json": path})
        return resource

    def resource(self, api_id: str, path: str) -> str:
        """The id of a path's resource, made where there is none."""
        rows = {row["path"]: row["id"] for row in self.do("GetResources", restApiId=api_id, limit=500)["items"]}
        at: str = rows["/"]
        so_far = ""
        for part in [one for one in path.split("/") if one]:
            so_far += f"/{part}"
            at = rows.get(so_far) or self.do("CreateResource", restApiId=api_id, parentId=at, pathPart=part)["id"]
        return at

    def deploy(self, api_id: str, stage: str = "s", **more: Any) -> str:
        """The id of a deployment that a stage serves."""
        deployment: str = self.do("CreateDeployment", restApiId=api_id, stageName=stage, **more)["id"]
        return deployment

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """A request to what is served."""
        given = {"Host": "localhost", **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        path, _, query = path.partition("?")
        request = Request(method, path, query.encode(), raw, body, "127.0.0.1")
        return asyncio.run(self._handled(request))

    async def _handled(self, request: Request) -> Reply:
        reply = await self.live.handle(request)
        await asyncio.sleep(0)
        return reply


def patch(path: str, value: str | None = None, op: str = "replace") -> dict[str, str]:
    """One patch operation."""
    return {"op": op, "path": path} | ({} if value is None else {"value": value})


@contextmanager
def refused(code: str, words: str = "", status: int | None = None) -> Iterator[None]:
    """What is done within is refused with this code, its status, and these words somewhere."""
    with pytest.raises(ControlError) as refusal:
        yield
    assert refusal.value.code == code, refusal.value
    assert words in refusal.value.message
    assert refusal.value.status == (status or {"NotFoundException": 404, "ConflictException": 409}.get(code, 400))
