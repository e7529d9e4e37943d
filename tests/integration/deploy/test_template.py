"""`chalice package` with the merge template: read by cfn-lint, by SAM's own translator, and by our rules (about 15 s).

The linters live in an environment of their own, made once: the translator wants another pydantic than ships.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.account import Account
from infra.deploy.project import IssuedBy, write_project
from infra.local.engines import ROOT
from infra.local.own_environment import OwnEnvironment
from infra.resources import read_resources
from infra.template import described, main
from infra.template import template as written
from tests.doubles.template_rules import broken

STAGE = "prod"
ACCOUNT = Account("123456789012", "eu-central-1")
LINT_SECONDS = 120
LINTERS = Path(__file__).parent / "linters.txt"
PYTHON_NOT_JUDGED = ("W2531", "E2531", "E2533")
"""Which Python is too old is a question of today's date; the runtime is that of whoever deploys."""

# Its command is a script, and the environment has been moved since that was written.
LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
class NoPolicies:
    def load(self):
        return {}
template = json.load(sys.stdin)
print(json.dumps(transform(template, {}, NoPolicies())))
"""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def linters() -> Path:
    """The interpreter beside which cfn-lint and the translator are installed."""
    return OwnEnvironment("the template linters", LINTERS).obtain(ROOT / ".local" / "linters")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Row:
    """The template that Chalice makes for a stage, with ours merged into it."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, STAGE, ACCOUNT, IssuedBy("https://issuer.example", "s3://documents"), "tollgate")
    (folder / "resources.json").write_text(json.dumps(written(read_resources(STAGE), ACCOUNT.where)))
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": ACCOUNT.region, "PYTHONDONTWRITEBYTECODE": "1"}
    chalice = [str(Path(sys.executable).with_name("chalice")), "package", "--stage", STAGE]
    subprocess.run(
        [*chalice, "--merge-template", "resources.json", "out"],
        cwd=folder,
        env=environment,
        check=True,
        timeout=LINT_SECONDS,
        capture_output=True,
    )
    template: Row = json.loads((folder / "out" / "sam.json").read_text())
    assert (folder / "out" / "deployment.zip").exists()
    for row in template["Resources"].values():
        if row["Type"] == "AWS::Serverless::Function":
            row["Properties"]["CodeUri"] = "s3://code/deployment.zip"
    if not template["Outputs"]:  # Chalice writes an empty one, which CloudFormation refuses
        del template["Outputs"]
    return template


def _lint(linters: Path, template: Row, folder: Path) -> list[str]:
    file = folder / "template.json"
    file.write_text(json.dumps(template, indent=1))
    command = [str(linters), "-c", LINT, "--format", "json", "--regions", ACCOUNT.region]
    command += ["--ignore-checks", *PYTHON_NOT_JUDGED, "--template", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LINT_SECONDS, check=False, cwd=folder)
    assert not done.stderr, done.stderr
    return [f"{row['Rule']['Id']} {row['Message']}" for row in json.loads(done.stdout)]


def test_cfn_lint_finds_nothing(linters: Path, packaged: Row, tmp_path: Path) -> None:
    assert _lint(linters, packaged, tmp_path) == []


def test_cfn_lint_would_find_something(linters: Path, packaged: Row, tmp_path: Path) -> None:
    planted = deepcopy(packaged)
    planted["Resources"]["LedgerTable"]["Properties"]["BillingMode"] = "PAY_PER_REQEUST"
    planted["Resources"]["DeadLetters"]["Properties"]["Colour"] = "red"
    found = {text.split()[0] for text in _lint(linters, planted, tmp_path)}
    assert found >= {"E3030", "E3002"}


def test_sam_translates_it(linters: Path, packaged: Row) -> None:
    done = subprocess.run(
        [str(linters), "-c", TRANSLATE],
        input=json.dumps(packaged),
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": ACCOUNT.region},
        capture_output=True,
        text=True,
        timeout=LINT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    translated = json.loads(done.stdout)["Resources"]
    functions = [row["Properties"] for row in translated.values() if row["Type"] == "AWS::Lambda::Function"]
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert len(functions) == len(config["stages"]["local"]["lambda_functions"])
    assert {row["Code"]["S3Key"] for row in functions} == {"deployment.zip"}


def test_our_rules_hold(packaged: Row) -> None:
    assert broken(packaged) == []


def _without(*path: str) -> Callable[[Row], None]:
    def change(resources: Row) -> None:
        place = resources
        for part in path[:-1]:
            place = place[part]
        del place[path[-1]]

    return change


def _with(value: Any, *path: str) -> Callable[[Row], None]:
    def change(resources: Row) -> None:
        place = resources
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


ROLE_STATEMENT = {"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": ["*"]}
PLANTED: list[tuple[Callable[[Row], None], str]] = [
    (_without("LedgerTable", "DeletionPolicy"), "LedgerTable: DeletionPolicy is not Retain"),
    (_without("LedgerTable", "Properties", "DeletionProtectionEnabled"), "LedgerTable: no deletion protection"),
    (_without("CommitsTable", "Properties", "PointInTimeRecoverySpecification"), "no point-in-time recovery"),
    (_without("CommitsTable", "Properties", "SSESpecification"), "not encrypted by a key"),
    (_with("PROVISIONED", "CommitsTable", "Properties", "BillingMode"), "pays for what it does not use"),
    (_without("DeadLetters", "Properties", "SqsManagedSseEnabled"), "DeadLetters: not encrypted"),
    (_with(60, "DeadLetters", "Properties", "MessageRetentionPeriod"), "forgets within fourteen days"),
    (_without("IssuerBucket", "Properties", "BucketEncryption"), "IssuerBucket: not encrypted"),
    (_without("IssuerBucket", "Properties", "VersioningConfiguration"), "IssuerBucket: not versioned"),
    (_without("IssuerBucket", "Properties", "PublicAccessBlockConfiguration"), "access lists can open it"),
    (_with([], "IssuerBucketPolicy", "Properties", "PolicyDocument", "Statement"), "can be read without TLS"),
    (_without("ApiLog", "Properties", "RetentionInDays"), "ApiLog: keeps logs for ever"),
    (_without("PaymentsLogGroup", "Properties", "RetentionInDays"), "PaymentsLogGroup: keeps logs for ever"),
    (_without("DeadLettersAlarm"), "no alarm on the queue tollgate-prod-dead-letters"),
    (_without("CommitsChangedAlarm"), "no alarm on CommitsChanged"),
    (_with([], "ApiErrorsAlarm", "Properties", "AlarmActions"), "rings for nobody"),
    (_without("LedgerTable"), "watches tollgate-prod-ledger, which is not there"),
    (_with(0, "Tokens", "Properties", "Timeout"), "Tokens: no timeout"),
    (_with("hush", "Tokens", "Properties", "Environment", "Variables", "CLIENT_SECRET"), "looks like a secret"),
    (_with({"Fn::GetAtt": ["PaymentsRole", "Arn"]}, "Refunds", "Properties", "Role"), "two functions have the role"),
    (
        _with([{"PolicyDocument": {"Statement": [ROLE_STATEMENT]}}], "TokensRole", "Properties", "Policies"),
        "everything",
    ),
    (_with({"Type": "AWS::EC2::Instance", "Properties": {}}, "Box"), "Box: no rule knows AWS::EC2::Instance"),
]


@pytest.mark.parametrize(("change", "said"), PLANTED, ids=[said for _, said in PLANTED])
def test_our_rules_would_find_something(packaged: Row, change: Callable[[Row], None], said: str) -> None:
    planted = deepcopy(packaged)
    change(planted["Resources"])
    assert any(said in text for text in broken(planted)), broken(planted)


def test_a_bucket_that_everybody_may_write_would_be_found(packaged: Row) -> None:
    planted = deepcopy(packaged)
    planted["Resources"]["IssuerBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = "s3:*"
    assert "IssuerBucketPolicy: allows more than reading documents" in broken(planted)


def test_what_is_merged_is_what_is_deployed(packaged: Row, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--stage", STAGE, "--account", ACCOUNT.account, "--region", ACCOUNT.region])
    printed = json.loads(capsys.readouterr().out)["Resources"]
    for name, one in described(read_resources(STAGE), ACCOUNT.where).items():
        assert packaged["Resources"][name] == printed[name]
        assert printed[name]["Properties"] == one.properties
