"""What a stage stands on: made as described, put right when somebody has changed it, and kept where it is money."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.alarms_step import AlarmsStep
from infra.deploy.bucket_step import Bucket, BucketStep
from infra.deploy.fault import DeployFault
from infra.deploy.log_step import _MANAGED, ROLE, LogRoleStep, LogStep
from infra.deploy.queue_step import QueueStep
from infra.deploy.signing_step import Issuer
from infra.deploy.stage_step import PlansStep
from infra.deploy.step import Step
from infra.deploy.steps import Target, steps_of
from infra.deploy.tables_step import TablesStep
from infra.resources import read_resources
from infra.template import ALARM as ALARMS
from infra.template import of_kind, table

pytestmark = pytest.mark.usefixtures("aws")

ACCOUNT = Account("123456789012", "us-east-1")
PROD = read_resources("prod")
LEDGER = "tollgate-prod-ledger"
BUCKET = "tollgate-prod-issuer-123456789012"
QUEUE = "tollgate-prod-dead-letters"
LOG = "/aws/apigateway/tollgate-prod"
ALARM = "tollgate-prod-dead-letters"

GUARDS = ("DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification")

STEPS: dict[str, Callable[[], Step]] = {
    "tables": lambda: TablesStep(ACCOUNT, PROD, give_up_ledger=True),
    "queue": lambda: QueueStep(ACCOUNT, PROD),
    "bucket": lambda: BucketStep(ACCOUNT, PROD, give_up_ledger=True),
    "log": lambda: LogStep(ACCOUNT, PROD),
    "alarms": lambda: AlarmsStep(ACCOUNT, PROD),
}


@dataclass(frozen=True, slots=True)
class Tampering:
    """One change of somebody else, and what has to be said of it."""

    step: str
    service: str
    operation: str
    given: dict[str, Any]
    said: str


def _queue_url() -> str:
    return str(boto3.client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"])


OPEN_BLOCK = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
TAMPERINGS = (
    Tampering(
        "tables",
        "dynamodb",
        "update_table",
        {"TableName": LEDGER, "DeletionProtectionEnabled": False},
        f"tables: {LEDGER}: DeletionProtectionEnabled is False and should be True",
    ),
    Tampering(
        "tables",
        "dynamodb",
        "update_continuous_backups",
        {"TableName": LEDGER, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
        f"tables: {LEDGER}: PointInTimeRecoverySpecification: PointInTimeRecoveryEnabled is False",
    ),
    Tampering(
        "bucket",
        "s3",
        "put_public_access_block",
        {"Bucket": BUCKET, "PublicAccessBlockConfiguration": OPEN_BLOCK},
        f"bucket {BUCKET}: PublicAccessBlockConfiguration: BlockPublicAcls is False",
    ),
    Tampering(
        "bucket", "s3", "delete_bucket_policy", {"Bucket": BUCKET}, f"bucket {BUCKET}: policy: Version is missing"
    ),
    Tampering(
        "bucket",
        "s3",
        "put_bucket_versioning",
        {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}},
        f"bucket {BUCKET}: VersioningConfiguration: Status is 'Suspended'",
    ),
    Tampering("bucket", "s3", "delete_bucket_encryption", {"Bucket": BUCKET}, f"bucket {BUCKET}: BucketEncryption: "),
    Tampering(
        "bucket", "s3", "delete_bucket_ownership_controls", {"Bucket": BUCKET}, f"bucket {BUCKET}: OwnershipControls: "
    ),
    Tampering("log", "logs", "delete_retention_policy", {"logGroupName": LOG}, "RetentionInDays is 0 and should be 30"),
    Tampering("alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [ALARM]}, f"alarms: {ALARM} is missing"),
    Tampering(
        "alarms",
        "cloudwatch",
        "put_metric_alarm",
        {
            "AlarmName": ALARM,
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1_000_000,
            "ComparisonOperator": "GreaterThanThreshold",
        },
        f"alarms: {ALARM}: Threshold is 1000000",
    ),
    Tampering(
        "alarms",
        "sns",
        "delete_topic",
        {"TopicArn": "arn:aws:sns:us-east-1:123456789012:tollgate-prod-alarms"},
        "the topic tollgate-prod-alarms is missing",
    ),
)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_makes_what_is_missing_once_and_takes_it_away_once(name: str) -> None:
    step = STEPS[name]()
    assert step.differences()
    step.apply()
    assert step.differences() == []
    step.apply()
    assert step.differences() == []
    assert step.destroy()
    assert step.differences()
    assert step.destroy() == []


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: f"{one.operation}-{one.said[-24:]}")
def test_what_somebody_has_changed_is_named_and_put_right(tampering: Tampering) -> None:
    step = STEPS[tampering.step]()
    step.apply()
    getattr(boto3.client(tampering.service), tampering.operation)(**tampering.given)
    assert any(tampering.said in text for text in step.differences()), step.differences()
    step.apply()
    assert step.differences() == []


def test_a_queue_that_forgets_too_soon_is_put_right() -> None:
    step = QueueStep(ACCOUNT, PROD)
    step.apply()
    boto3.client("sqs").set_queue_attributes(
        QueueUrl=_queue_url(), Attributes={"MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "false"}
    )
    assert len(step.differences()) == 2
    step.apply()
    assert step.differences() == []


def test_l4_money_stays_until_it_is_given_up() -> None:
    kept, given_up = TablesStep(ACCOUNT, PROD), TablesStep(ACCOUNT, PROD, give_up_ledger=True)
    kept.apply()
    (said,) = kept.destroy()
    assert said.startswith("(stays: the ledger, tollgate-prod-commits")
    assert kept.differences() == []
    assert len(given_up.destroy()) == len(PROD.tables)


def test_a_queue_with_letters_in_it_stays_until_they_are_given_up() -> None:
    QueueStep(ACCOUNT, PROD).apply()
    boto3.client("sqs").send_message(QueueUrl=_queue_url(), MessageBody="an event that failed")
    (said,) = QueueStep(ACCOUNT, PROD).destroy()
    assert "1 dead letters" in said
    assert QueueStep(ACCOUNT, PROD).differences() == []
    assert QueueStep(ACCOUNT, PROD, give_up_ledger=True).destroy() == [f"the queue {QUEUE}"]


def test_a_table_that_is_something_else_stops_the_deployment() -> None:
    boto3.client("dynamodb").create_table(
        TableName=LEDGER,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    step = TablesStep(ACCOUNT, PROD)
    assert any(f"tables: {LEDGER}: KeySchema is" in text for text in step.differences())
    with pytest.raises(DeployFault, match=f"{LEDGER} exists with other keys than pk and sk"):
        step.apply()


def test_a_table_without_a_key_of_kms_gets_one(asked: list[tuple[str, Any]]) -> None:
    """moto keeps what a table is created with, and ignores this change: what is asked of AWS is looked at instead."""
    wanted = {name: value for name, value in table(PROD, "clients").items() if name not in GUARDS}
    boto3.client("dynamodb").create_table(**wanted)
    step = TablesStep(ACCOUNT, PROD)
    named = "tables: tollgate-prod-clients: SSESpecification: SSEEnabled is False and should be True"
    assert named in step.differences()
    step.apply()
    encryption = {"TableName": "tollgate-prod-clients", "SSESpecification": {"Enabled": True, "SSEType": "KMS"}}
    assert ("UpdateTable", encryption) in asked


# --- the issuer's documents ----------------------------------------------------------------------------------


def test_documents_are_where_the_policy_opens_them_and_go_in_all_versions() -> None:
    step, bucket = BucketStep(ACCOUNT, PROD, give_up_ledger=True), Bucket(ACCOUNT, BUCKET)
    step.apply()
    s3 = boto3.client("s3")
    opened = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"][0]
    s3.delete_bucket_policy(Bucket=BUCKET)  # moto reads no conditions, and refuses everybody by the second statement
    for text in (b"{}", b'{"keys": []}'):
        bucket.publish("jwks.json", text)
    there = s3.get_object(Bucket=BUCKET, Key=".well-known/jwks.json")
    assert (there["Body"].read(), there["ContentType"]) == (b'{"keys": []}', "application/json")
    assert (opened["Action"], opened["Resource"]) == ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/.well-known/*")
    assert bucket.url == f"https://{BUCKET}.s3.us-east-1.amazonaws.com"
    assert step.destroy() == [f"the bucket {BUCKET}"]


def test_a_bucket_elsewhere_is_made_there() -> None:
    step = BucketStep(Account("123456789012", "eu-central-1"), PROD)
    step.apply()
    assert boto3.client("s3").get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "eu-central-1"


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [("HeadBucket", "403", "is somebody else's"), ("PutBucketPolicy", "AccessDenied", "ISSUER_DIRECTORY")],
)
def test_a_bucket_that_cannot_be_ours_or_read_says_what_to_do(
    operation: str, code: str, said: str, refusing: Callable[..., None]
) -> None:
    refusing(operation, code)
    step = BucketStep(ACCOUNT, PROD, wait=lambda _seconds: None)
    with pytest.raises(DeployFault, match=said):
        step.apply()


def test_a_policy_that_is_refused_for_some_seconds_is_waited_for(refusing: Callable[..., None]) -> None:
    refusing("PutBucketPolicy", "AccessDenied", times=len(ACCOUNT.settling_seconds))
    waits: list[float] = []
    step = BucketStep(ACCOUNT, PROD, wait=waits.append)
    step.apply()
    assert (tuple(waits), step.differences()) == (ACCOUNT.settling_seconds, [])


def test_a_policy_that_is_refused_otherwise_is_not_waited_for(refusing: Callable[..., None]) -> None:
    refusing("PutBucketPolicy", "MalformedPolicy")
    with pytest.raises(ClientError, match="MalformedPolicy"):
        BucketStep(ACCOUNT, PROD, wait=lambda _seconds: pytest.fail("waited")).apply()


def test_a_bucket_that_tokens_name_stays_until_it_is_given_up() -> None:
    step = BucketStep(ACCOUNT, PROD)
    step.apply()
    assert step.destroy() == [f"(stays: the bucket {BUCKET}, which tokens name as their issuer)"]
    assert step.differences() == []
    local = BucketStep(ACCOUNT, read_resources("local"))
    local.apply()
    assert local.destroy() == ["the bucket tollgate-local-issuer-123456789012"]


@pytest.mark.parametrize("given_up", [False, True])
def test_every_step_that_asks_is_told_whether_the_ledger_is_given_up(given_up: bool, tmp_path: Path) -> None:
    bucket = Bucket(ACCOUNT, BUCKET)
    issuer = Issuer(bucket.url, bucket)
    steps = steps_of(Target("prod", ACCOUNT, issuer, url="", ca="", folder=tmp_path, give_up_ledger=given_up))
    told = {step.name: step.give_up_ledger for step in steps if hasattr(step, "give_up_ledger")}
    assert told == dict.fromkeys(("tables", "dead letters", "bucket", "issuer"), given_up)
    assert [step.clients_stay for step in steps if isinstance(step, PlansStep)] == [not given_up]


# --- alarms --------------------------------------------------------------------------------------------------

TOPIC = "arn:aws:sns:us-east-1:123456789012:tollgate-prod-alarms"


def _put_alarm(name: str, **changes: Any) -> None:
    row = next(one for one in of_kind(PROD, ACCOUNT.where, ALARMS) if one["AlarmName"] == ALARM)
    boto3.client("cloudwatch").put_metric_alarm(**{**row, "AlarmName": name, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ActionsEnabled": False}, "ActionsEnabled is False and should be True"),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "DatapointsToAlarm is there and should not be"),
    ],
)
def test_an_alarm_that_was_silenced_rings_again(changes: dict[str, Any], said: str) -> None:
    step = AlarmsStep(ACCOUNT, PROD)
    step.apply()
    _put_alarm(ALARM, **changes)
    assert f"alarms: {ALARM}: {said}" in step.differences()
    step.apply()
    assert step.differences() == []


def test_as_many_points_as_periods_are_no_difference() -> None:
    step = AlarmsStep(ACCOUNT, PROD)
    step.apply()
    _put_alarm(ALARM, DatapointsToAlarm=1)
    assert step.differences() == []


def test_an_alarm_that_the_definitions_lost_goes_and_others_stay() -> None:
    step, lost = AlarmsStep(ACCOUNT, PROD), "tollgate-prod-lost"
    step.apply()
    _put_alarm(lost)
    _put_alarm("tollgate-prod-theirs", AlarmActions=[f"{TOPIC}-of-others"])
    _put_alarm("tollgate-dev-lost", AlarmActions=[TOPIC.replace("prod", "dev")])
    assert step.differences() == [f"alarms: {lost} is there and should not be"]
    step.apply()
    assert step.differences() == []
    _put_alarm(lost)
    assert f"the alarm {lost}" in step.destroy()
    left = [row["AlarmName"] for row in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    assert sorted(left) == ["tollgate-dev-lost", "tollgate-prod-theirs"]


@pytest.fixture
def aws_policy(monkeypatch: pytest.MonkeyPatch) -> str:
    """A policy in the place of AWS's own, which moto takes seconds to load with a thousand others."""
    statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = boto3.client("iam").create_policy(PolicyName="AmazonAPIGatewayPushToCloudWatchLogs", PolicyDocument=document)
    arn = str(made["Policy"]["Arn"])
    monkeypatch.setattr("infra.deploy.log_step._MANAGED", arn)
    return arn


def test_the_policy_is_aws_own() -> None:
    """Source: API Gateway developer guide, "Set up CloudWatch logging for REST APIs"."""
    assert _MANAGED == "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


# --- logs ----------------------------------------------------------------------------------------------------


def test_api_gateway_gets_a_role_to_write_logs_with_and_keeps_it(asked: list[tuple[str, Any]], aws_policy: str) -> None:
    step = LogRoleStep(ACCOUNT)
    assert step.differences() == ["API Gateway has no role in this account to write logs with"]
    step.apply()
    assert step.differences() == []
    assert ("AttachRolePolicy", {"RoleName": ROLE, "PolicyArn": aws_policy}) in asked
    assert step.destroy()[0].startswith("(stays: arn:aws:iam::123456789012:role/")


def test_a_role_that_somebody_else_has_set_is_left() -> None:
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::123456789012:role/theirs"}
    boto3.client("apigateway").update_account(patchOperations=[change])
    assert LogRoleStep(ACCOUNT).differences() == []


def test_our_role_is_made_again_when_somebody_has_deleted_it(aws_policy: str) -> None:
    step, iam = LogRoleStep(ACCOUNT), boto3.client("iam")
    step.apply()
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=aws_policy)
    iam.delete_role(RoleName=ROLE)
    assert step.differences() == [f"the role {ROLE}, with which API Gateway writes logs, is missing"]
    step.apply()
    assert step.differences() == []


def test_a_new_role_is_waited_for(aws_policy: str, refusing: Callable[..., None]) -> None:
    refusing("UpdateAccount", "BadRequestException", times=3)
    waits: list[float] = []
    step = LogRoleStep(ACCOUNT, wait=waits.append)
    step.apply()
    assert (len(waits), step.differences()) == (3, [])
