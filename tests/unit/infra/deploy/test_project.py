"""The Chalice project of a stage: the same source gives the same bytes, and says which it was."""

import json
from pathlib import Path

import pytest

from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.here import here
from infra.deploy.project import SOURCE_TAG, IssuedBy, write_project
from infra.local.place import Place
from tests.doubles.deploy_ground import ACCOUNT, REGION

ISSUED = IssuedBy("https://issuer.test", "s3://documents")
WHO = Account(ACCOUNT, REGION)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    one = write_project(tmp_path / "one", "dev", WHO, ISSUED, "api")
    other = write_project(tmp_path / "other", "dev", WHO, ISSUED, "api")
    assert one.digest == other.digest
    assert _bytes(one.folder) == _bytes(other.folder)
    assert not [name for name in _bytes(one.folder) if "__pycache__" in name]


def test_what_was_left_by_an_earlier_deployment_does_not_ship(tmp_path: Path) -> None:
    before = write_project(tmp_path, "dev", WHO, ISSUED, "api")
    (tmp_path / "chalicelib" / "left.py").write_text("x = 1\n")
    (tmp_path / ".chalice" / "deployed").mkdir()
    (tmp_path / ".chalice" / "deployed" / "dev.json").write_text("{}")
    after = write_project(tmp_path, "dev", WHO, ISSUED, "api")
    assert after.digest == before.digest
    assert not (tmp_path / "chalicelib" / "left.py").exists()
    assert (tmp_path / ".chalice" / "deployed" / "dev.json").exists(), "what Chalice remembers is kept"


def test_a_stage_has_its_own_names_and_its_issuer(tmp_path: Path) -> None:
    project = write_project(tmp_path, "dev", WHO, ISSUED, "api")
    config = json.loads((tmp_path / ".chalice" / "config.json").read_text())
    assert config["tags"] == {SOURCE_TAG: project.digest, "tollgate:stage": "dev"}
    (settings,) = config["stages"].values()
    assert settings["environment_variables"]["LEDGER_TABLE"] == "tollgate-dev-ledger"
    own = settings["lambda_functions"]["tokens"]["environment_variables"]
    assert (own["ISSUER"], own["AUDIENCE"]) == (ISSUED.url, "api")
    assert "tollgate-local" not in (tmp_path / ".chalice" / "config.json").read_text()


@pytest.mark.parametrize(
    ("stage", "issuer", "who"),
    [
        ("prod", "https://issuer.test", WHO),
        ("dev", "https://other.test", WHO),
        ("dev", "https://issuer.test", Account("210987654321", REGION)),
        ("dev", "https://issuer.test", Account(ACCOUNT, "eu-central-1")),
    ],
)
def test_another_setting_is_another_project(tmp_path: Path, stage: str, issuer: str, who: Account) -> None:
    one = write_project(tmp_path / "one", "dev", WHO, ISSUED, "api")
    assert write_project(tmp_path / "other", stage, who, IssuedBy(issuer, "s3://documents"), "api").digest != one.digest


def test_a_stack_that_serves_the_source_is_not_deployed_to(tmp_path: Path) -> None:
    place = Place(port=1, data=tmp_path, local=tmp_path, engine="moto")
    with pytest.raises(
        DeployFault, match="the running stack serves the source tree: start it with make run DEPLOYED=1"
    ):
        here(place, WHO)


def test_a_deployed_stack_is_its_own_issuer(tmp_path: Path) -> None:
    place = Place(port=1234, data=tmp_path / "data", local=tmp_path, engine="moto", deployed=True)
    target = here(place, WHO)
    assert (target.stage, target.public_url()) == ("local", "https://localhost:1234")
    assert target.issuer.url == "https://localhost:1234/_emulator/issuer"
    assert target.folder == tmp_path / "data" / "deploy"
