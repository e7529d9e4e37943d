"""Ground to deploy to: the emulator's control planes over HTTP beside moto in this process, new for each test.

The servers are shared by a module's tests; what was deployed to them is not.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from emulator.control.operation import Operation, Plane
from infra.deploy.account import Account
from infra.deploy.api_definition import ApiDefinition, read_definition
from infra.deploy.api_step import ApiStep, ShellStep
from infra.deploy.course import take
from infra.deploy.permissions_step import PermissionsStep
from infra.deploy.release_step import ReleaseStep
from infra.deploy.sources_step import SchedulesStep, StreamsStep
from infra.deploy.stage_step import PlansStep, StageStep
from infra.deploy.step import Step
from infra.resources import Resources, read_resources
from tests.doubles.control_planes import Apis, serving
from tests.doubles.gateway import ISSUER, Issuer
from tests.doubles.lambda_planes import Lambdas

ACCOUNT = "123456789012"
REGION = "us-east-1"
STAGE = "dev"
SERVICES = ("apigateway", "lambda", "events", "dynamodb", "iam", "logs")
API = f"tollgate-{STAGE}"
SMALL = Path(__file__).parent / "small_api.yaml"
VARIABLES = {"region": REGION, "account": ACCOUNT, "stage": STAGE, "issuer": ISSUER, "audience": "api"}
ROUTED = ("accounts",)
SCHEDULED = tuple(read_resources(STAGE).schedules)
FUNCTIONS = {name: f"tollgate-{STAGE}-{name}" for name in ("accounts", "projections", *SCHEDULED)}
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/apigateway/tollgate-{STAGE}"
SETTINGS = {
    "throttle": {"rate": 100, "burst": 200},
    "methods": {"GET /accounts/{id}": {"rate": 10, "burst": 20}},
    "access_log": "$context.requestId $context.status",
}
PLANS: dict[str, Any] = {
    "trial": {
        "throttle": {"rate": 2, "burst": 5},
        "quota": {"limit": 1_000, "period": "DAY", "offset": 0},
        "methods": {"POST /accounts": {"rate": 1, "burst": 1}},
    },
    "large": {"throttle": {"rate": 50, "burst": 50}, "quota": {"limit": 9_000, "period": "MONTH", "offset": 0}},
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "y",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Swapped:
    """A plane in whose place another one is put for the next test."""

    plane: Plane

    @property
    def name(self) -> str:
        return self.plane.name

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self.plane.operations


@dataclass
class Ground:
    """The account with what is deployed in it; `asked` are the functions that were invoked, `broken` those that fail."""

    endpoint: str
    folder: Path
    planes: dict[str, Swapped]
    asked: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    """Functions that start, and answer every request with 500."""

    times: int = 0
    moto_again: Callable[[], None] = lambda: None
    stands: str = ""
    """What is deployed, and is as it should be."""

    account: Account = field(default_factory=lambda: Account(ACCOUNT, REGION))

    def renew(self, folder: Path) -> None:
        """Forget all that was deployed."""
        self.times += 1
        for name, plane in _planes(folder / str(self.times)).items():
            self.planes[name].plane = plane
        self.stands = ""
        self.asked.clear()
        self.broken.clear()
        self.failing.clear()

    def aws(self, service: str) -> Any:
        return self.account.client(service)

    @property
    def gateway(self) -> Any:
        return self.aws("apigateway")

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Gives the changes that are made until the end of the block, by their operations."""
        made: list[str] = []

        def note(model: Any, **_more: Any) -> None:
            if not model.name.startswith(("Get", "List", "Describe")):
                made.append(model.name)

        with self.hearing(note):
            yield made

    @contextmanager
    def hearing(self, note: Callable[..., None]) -> Iterator[None]:
        """Tell of every call, before it is made, until the end of the block."""
        clients = [self.aws(service) for service in SERVICES]
        for client in clients:
            client.meta.events.register("before-call", note)
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister("before-call", note)

    # --- what steps stand on --------------------------------------------------------------------------------

    def again(self) -> None:
        """The functions and what starts them deployed, from nothing; moto's part is begun anew too."""
        self.moto_again()
        self.renew(self.folder)
        self.functions()
        self.tables()
        take(self.function_steps())
        self.stands = "functions"

    def functions(self, **settings: Any) -> None:
        """Every function, as Chalice would have made it."""
        for short, name in FUNCTIONS.items():
            self.aws("lambda").create_function(
                FunctionName=name, Role=f"arn:aws:iam::{ACCOUNT}:role/{name}", Code={"ZipFile": package("1")},
                Runtime="python3.11", Handler=f"chalicelib.{short}.entrypoint.handle", MemorySize=512, **settings,
            )  # fmt: skip

    def tables(self) -> None:
        """The tables that have streams."""
        resources = read_resources(STAGE)
        for table in dict.fromkeys(stream.table for stream in resources.streams):
            self.aws("dynamodb").create_table(
                TableName=resources.tables[table],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            )

    # --- the steps ------------------------------------------------------------------------------------------

    @property
    def resources(self) -> Resources:
        return read_resources(STAGE)

    def definition(self, file: Path = SMALL) -> ApiDefinition:
        return small_definition() if file == SMALL else read_definition(API, VARIABLES, file)

    def shell(self) -> ShellStep:
        return ShellStep(self.gateway, API, {"tollgate:stage": STAGE})

    def api(self) -> ApiStep:
        return ApiStep(self.gateway, self.definition())

    def stage(self) -> StageStep:
        return StageStep(self.gateway, self.definition(), STAGE, SETTINGS, LOG)

    def plans(self) -> PlansStep:
        return PlansStep(self.gateway, API, STAGE, PLANS)

    def release(self) -> ReleaseStep:
        return ReleaseStep(self.account, FUNCTIONS)

    def streams(self) -> StreamsStep:
        return StreamsStep(self.account, self.resources)

    def schedules(self) -> SchedulesStep:
        return SchedulesStep(self.account, self.resources)

    def permissions(self) -> PermissionsStep:
        return PermissionsStep(self.account, self.resources, API, ROUTED)

    def gateway_steps(self) -> list[Step]:
        return [self.shell(), self.api(), self.stage(), self.plans()]

    def function_steps(self) -> list[Step]:
        return [self.shell(), self.release(), self.streams(), self.schedules(), self.permissions()]

    def steps(self) -> list[Step]:
        """All that need no Chalice, in the order of a deployment."""
        return [*self.function_steps(), self.api(), self.stage(), self.plans()]


def is_mended(ground: Ground, step: Step, *words: str) -> None:
    """A step names what was done to it and changes nothing by that; then it makes it equal.

    That what is equal is left alone, and that a plan is the same sentences, is in test_course.py.
    """
    with ground.watched() as made:
        found = step.differences()
    assert not made, "to compare is not to change"
    assert found, "nothing was noticed"
    for word in words:
        assert any(word in line for line in found), f"{word!r} is not in {found}"
    step.apply()
    assert step.differences() == []


@cache
def small_definition() -> ApiDefinition:
    """The small API."""
    return read_definition(API, VARIABLES, SMALL)


def package(text: str) -> bytes:
    """A zip of code that says this."""
    kept = io.BytesIO()
    with ZipFile(kept, "w") as opened:
        opened.writestr("app.py", text)
    return kept.getvalue()


def _planes(folder: Path) -> dict[str, Plane]:
    """Planes with nothing in them, which run nothing."""
    issuer = Issuer(discovery={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/.well-known/jwks.json"})
    lambdas = Lambdas(folder / "lambdas")
    planes: tuple[Plane, ...] = (Apis(folder / "apis", issuer=issuer).plane, lambdas.plane, lambdas.rules)
    return {plane.name: plane for plane in planes}


@contextmanager
def grounded(folder: Path) -> Iterator[Ground]:
    """Serve the planes until the end of the block."""
    planes = {name: Swapped(plane) for name, plane in _planes(folder).items()}
    ground = Ground("", folder, planes)
    with serving(list(planes.values()), _invoked(ground)) as endpoint:
        ground.endpoint = endpoint
        yield ground


def _invoked(ground: Ground) -> Callable[..., Any]:
    """Lambda's Invoke: every function answers, but the broken ones."""

    async def invoke(scope: dict[str, Any], receive: Any, send: Any) -> None:
        name = scope["path"].split("/")[3]
        ground.asked.append(name)
        while (await receive()).get("more_body"):
            pass
        failed = name in ground.broken
        headers = [(b"x-amz-function-error", b"Unhandled")] if failed else []
        answer = {"statusCode": 500 if name in ground.failing else 200}
        body = json.dumps({"errorMessage": "no module named x"} if failed else answer).encode()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return invoke
