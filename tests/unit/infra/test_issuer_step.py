"""What a deployment does for the signing keys: it makes what the function may not make, and says what is missing."""

import json
from pathlib import Path

import boto3
import pytest

from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.project import IssuedBy, write_project
from infra.deploy.signing_step import Folder, Issuer, SigningStep
from infra.resources import read_resources

pytestmark = pytest.mark.usefixtures("aws")

RESOURCES = read_resources("local")
ALIAS = RESOURCES.signing_key


class Served(Issuer):
    """An issuer whose host serves the folder at once."""

    def read(self, name: str) -> bytes | None:
        assert isinstance(self.publisher, Folder)
        file = self.publisher.path / name
        return file.read_bytes() if file.exists() else None


@pytest.fixture
def step(tmp_path: Path) -> SigningStep:
    """The step of a stage that nothing has been made of."""
    issuer = Served("https://issuer.test", Folder(tmp_path / "issuer"))
    return SigningStep(Account("123456789012", "us-east-1"), RESOURCES, issuer, lambda: "https://api.test")


def _kids(step: SigningStep) -> set[str]:
    return {key["kid"] for key in json.loads(step.issuer.read("jwks.json") or b"")["keys"]}


def _tags(suffix: str) -> dict[str, str]:
    kms = boto3.client("kms")
    key_id = kms.describe_key(KeyId=ALIAS + suffix)["KeyMetadata"]["KeyId"]
    return {one["TagKey"]: one["TagValue"] for one in kms.list_resource_tags(KeyId=key_id)["Tags"]}


def test_the_first_deployment_makes_and_publishes_two_keys(step: SigningStep) -> None:
    assert step.differences() == [f"the signing key {ALIAS} is missing"]
    step.apply()
    assert step.differences() == []
    assert len(_kids(step)) == 2
    assert _tags("")["tollgate:stage"] == _tags("-next")["tollgate:stage"] == "local"
    assert "tollgate:published-at" in _tags("-next"), "its hour begins with the deployment"


def test_the_missing_standby_is_a_difference_that_is_made_equal(step: SigningStep) -> None:
    step.apply()
    kms, before = boto3.client("kms"), _kids(step)
    kms.update_alias(AliasName=f"{ALIAS}-next", TargetKeyId=kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])
    assert step.differences() == [f"the standby key {ALIAS}-next is missing"]
    step.apply()
    assert step.differences() == []
    assert len(_kids(step)) == 2
    assert len(_kids(step) & before) == 1


def test_another_deployment_changes_nothing(step: SigningStep) -> None:
    step.apply()
    before, tags = _kids(step), _tags("-next")
    step.apply()
    assert (_kids(step), _tags("-next")) == (before, tags)


def test_a_key_that_only_people_can_repair_is_said(step: SigningStep) -> None:
    step.apply()
    kms = boto3.client("kms")
    kms.disable_key(KeyId=kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])
    assert "is Disabled" in step.differences()[0]
    with pytest.raises(DeployFault, match="is Disabled"):
        step.apply()


def test_destroying_gives_both_keys_up(step: SigningStep) -> None:
    step.apply()
    assert len(step.destroy()) == 3, "two keys and the pepper"
    assert step.destroy() == []


def test_the_function_is_told_where_the_issuers_documents_are(tmp_path: Path) -> None:
    issuer = Issuer("https://issuer.test", Folder(tmp_path / "is sued"))
    assert issuer.documents == f"{tmp_path.as_uri()}/is%20sued"
    where = IssuedBy(issuer.url, issuer.documents)
    project = write_project(tmp_path / "project", "dev", Account("999999999999", "eu-central-1"), where, "api")
    config = json.loads((project.folder / ".chalice" / "config.json").read_text())["stages"]["dev"]["lambda_functions"]
    assert config["keys"]["environment_variables"] == {
        "ISSUER": "https://issuer.test",
        "ISSUER_DOCUMENTS": issuer.documents,
        "SIGNING_KEY_ID": "alias/tollgate-dev-tokens",
        "ROTATE_AFTER_DAYS": "90",
    }
    policy = (project.folder / ".chalice" / "policy-keys.json").read_text()
    assert "arn:aws:s3:::tollgate-dev-issuer-999999999999/.well-known/jwks.json" in policy
    assert "local" not in policy
