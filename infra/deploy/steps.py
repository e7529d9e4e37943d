"""The steps of a stage, in the order in which each finds what it needs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy.account import Account
from infra.deploy.alarms_step import AlarmsStep
from infra.deploy.api_definition import ApiDefinition, read_definition
from infra.deploy.api_found import find_api
from infra.deploy.api_step import ApiStep, ShellStep
from infra.deploy.bucket_step import Bucket, BucketStep
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import FunctionsStep, short_name
from infra.deploy.leftovers_step import LeftoversStep
from infra.deploy.log_step import LogRoleStep, LogStep
from infra.deploy.permissions_step import PermissionsStep
from infra.deploy.project import IssuedBy, Project, write_project
from infra.deploy.queue_step import QueueStep
from infra.deploy.release_step import ReleaseStep
from infra.deploy.signing_step import Folder, Issuer, SigningStep
from infra.deploy.sources_step import SchedulesStep, StreamsStep
from infra.deploy.stage_step import FILE as STAGES
from infra.deploy.stage_step import PlansStep, StageStep
from infra.deploy.step import Step
from infra.deploy.tables_step import TablesStep
from infra.event_sources import APP
from infra.functions import function_rows
from infra.local.place import AUDIENCE
from infra.resources import Resources, read_resources

_ALIAS_OF: Final = ":function:"
KEYS: Final = "keys"
"""The function that rotates the signing keys."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is deployed where: `url` is the API's public URL, empty for the one that API Gateway gives it."""

    stage: str
    account: Account
    issuer: Issuer
    url: str
    ca: str
    folder: Path
    pepper_file: Path | None = None
    give_up_ledger: bool = False

    @property
    def api_name(self) -> str:
        return f"{APP}-{self.stage}"

    @property
    def rotates(self) -> bool:
        """Tell whether the function that rotates the signing keys can publish them."""
        return not (self.account.is_aws and isinstance(self.issuer.publisher, Folder))

    def public_url(self) -> str:
        """Where clients find the API; DeployFault while there is none."""
        if self.url:
            return self.url
        api_id = find_api(self.account.client("apigateway"), self.api_name)
        if api_id is None:
            raise DeployFault(f"the API {self.api_name} does not exist yet")
        return f"https://{api_id}.execute-api.{self.account.region}.amazonaws.com/{self.stage}"


def check_stage(stage: str, file: Path = STAGES) -> None:
    """Refuse a stage that stages.yaml does not have."""
    known = yaml.safe_load(file.read_text())["stages"]
    if not stage:
        raise DeployFault(f"name the stage with STAGE=...: {', '.join(known)}")
    if stage not in known:
        raise DeployFault(f"there is no stage {stage!r} in infra/stages.yaml; there are {', '.join(known)}")


def project_of(target: Target) -> Project:
    """Write the Chalice project of the stage."""
    issuer = IssuedBy(target.issuer.url, target.issuer.documents)
    return write_project(target.folder / "project", target.stage, target.account, issuer, AUDIENCE)


def definition_of(target: Target) -> ApiDefinition:
    """Read the API as it is wanted there; DeployFault for a route to a function that nobody deploys."""
    variables = {
        "region": target.account.region,
        "account": target.account.account,
        "stage": target.stage,
        "issuer": target.issuer.url,
        "audience": AUDIENCE,
    }
    return read_definition(target.api_name, variables)


def functions_of(project: Project) -> dict[str, str]:
    """Return the deployed names of the functions by their names within the stage."""
    return {short_name(row, project.stage): row["name"] for row in function_rows(project.stage, root=project.folder)}


def steps_of(target: Target) -> list[Step]:
    """Return all steps of the stage."""
    project, resources = project_of(target), _resources_of(target)
    return [*_resources(target, resources), *_functions(target, project, resources), *_api(target, project, resources)]


def _resources_of(target: Target) -> Resources:
    """What the stage stands on. A function on AWS cannot write to a folder: whoever serves that rotates by command."""
    resources = read_resources(target.stage)
    if target.rotates:
        return resources
    return replace(resources, schedules={name: rate for name, rate in resources.schedules.items() if name != KEYS})


def _resources(target: Target, resources: Resources) -> list[Step]:
    account, given_up = target.account, target.give_up_ledger
    in_bucket = isinstance(target.issuer.publisher, Bucket)
    return [
        TablesStep(account, resources, given_up),
        QueueStep(account, resources, given_up),
        *([BucketStep(account, resources, given_up)] if in_bucket else []),
        LogStep(account, resources),
        LogRoleStep(account),
        AlarmsStep(account, resources),
    ]


def _functions(target: Target, project: Project, resources: Resources) -> list[Step]:
    gateway = target.account.client("apigateway")
    return [
        ShellStep(gateway, target.api_name, _tags(target)),
        SigningStep(
            target.account, resources, target.issuer, target.public_url, target.pepper_file, target.give_up_ledger
        ),
        FunctionsStep(target.account, project),
        ReleaseStep(target.account, functions_of(project), frozenset() if target.rotates else frozenset({KEYS})),
        StreamsStep(target.account, resources),
        SchedulesStep(target.account, resources),
    ]


def _api(target: Target, project: Project, resources: Resources) -> list[Step]:
    gateway: Any = target.account.client("apigateway")
    wanted = definition_of(target)
    routed = _routed(wanted, functions_of(project))
    stages = yaml.safe_load(STAGES.read_text())
    clients_stay = resources.keeps_money and not target.give_up_ledger
    log = f"arn:aws:logs:{target.account.region}:{target.account.account}:log-group:{resources.api_log}"
    return [
        PermissionsStep(target.account, resources, target.api_name, routed),
        ApiStep(gateway, wanted),
        StageStep(gateway, wanted, target.stage, stages["stages"][target.stage], log),
        PlansStep(gateway, target.api_name, target.stage, stages["usage_plans"], clients_stay),
        LeftoversStep(target.account, target.stage, functions_of(project).values()),
    ]


def _routed(wanted: ApiDefinition, functions: dict[str, str]) -> tuple[str, ...]:
    """The functions behind the API, by their names within the stage."""
    names = {name: short for short, name in functions.items()}
    found = []
    for arn in wanted.functions:
        name = arn.partition(_ALIAS_OF)[2].partition(":")[0]
        if name not in names:
            raise DeployFault(
                f"infra/api.yaml leads to the function {name}, which app.py does not have: correct one of them"
            )
        found.append(names[name])
    return tuple(found)


def _tags(target: Target) -> dict[str, str]:
    return {"tollgate:stage": target.stage}
