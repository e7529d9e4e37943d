"""The Chalice project of a stage: the code as it is, with the configuration and the policies of that stage.

`.chalice/config.json` is written for the stage `local`; account, Region and issuer are known only here. The folder is
the deployment's own, so that `chalice deploy` finds what it made the last time.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.deploy.account import Account
from infra.files import PUBLIC_MODE, replace_file
from infra.functions import ROOT
from infra.permissions import GRANTS, Where, write_policies
from infra.resources import LOCAL_STAGE, read_resources

SOURCE_TAG: Final = "tollgate:source"
CODE_TAG: Final = "tollgate:code"
"""The tags of a function that name the project it was deployed from, and the code that was deployed then."""

_SHIPPED: Final = ("app.py", "requirements.txt", "chalicelib")


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that `chalice deploy` is run in; `digest` names its content."""

    folder: Path
    stage: str
    digest: str


@dataclass(frozen=True, slots=True)
class IssuedBy:
    """Who issues a stage's tokens: the issuer's URL, and where its documents are kept (`s3://...`, `file:///...`)."""

    url: str
    documents: str


def write_project(folder: Path, stage: str, account: Account, issuer: IssuedBy, audience: str) -> Project:
    """Write the project; the same code and settings give the same bytes."""
    for name in _SHIPPED:
        _copy(ROOT / name, folder / name)
    write_policies(folder / ".chalice", read_resources(stage), Where(account.account, account.region))
    config = _config(stage, issuer, audience)
    digest = _digest(folder, config)
    config["tags"] = {SOURCE_TAG: digest, "tollgate:stage": stage}
    replace_file(folder / ".chalice" / "config.json", _text(config), PUBLIC_MODE)
    return Project(folder, stage, digest)


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def _config(stage: str, issuer: IssuedBy, audience: str) -> dict[str, Any]:
    text = (ROOT / ".chalice" / "config.json").read_text()
    config: dict[str, Any] = json.loads(text.replace(f"tollgate-{LOCAL_STAGE}-", f"tollgate-{stage}-"))
    settings = config["stages"].pop(LOCAL_STAGE)
    tables = {f"{name.upper()}_TABLE": table for name, table in read_resources(stage).tables.items()}
    settings["environment_variables"] |= {"TOLLGATE_STAGE": stage, **tables}
    functions = settings["lambda_functions"]
    functions["tokens"]["environment_variables"] |= {"ISSUER": issuer.url, "AUDIENCE": audience}
    functions["keys"]["environment_variables"] |= {"ISSUER": issuer.url, "ISSUER_DOCUMENTS": issuer.documents}
    config["stages"][stage] = settings
    return config


def _digest(folder: Path, config: dict[str, Any]) -> str:
    digest = hashlib.sha256(_text(config))
    for file in sorted(_files(folder)):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in ("app.py", "requirements.txt"))
    yield from (folder / "chalicelib").rglob("*.py")
    yield from (folder / ".chalice" / f"policy-{function}.json" for function in GRANTS)


def _text(config: dict[str, Any]) -> bytes:
    return json.dumps(config, indent=2).encode() + b"\n"
