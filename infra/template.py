"""What a stage stands on, in CloudFormation's words: `python -m infra.template --stage prod --account ID --region R`.

The one description of tables, queue, bucket, log, topic and alarms. `make deploy` makes exactly these properties by
single calls and reads them back; `chalice package --merge-template` takes the same text, and so do the linters.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.permissions import Where
from infra.resources import Alarm, Resources, read_resources

Row = dict[str, Any]

TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
BUCKET: Final = "AWS::S3::Bucket"
BUCKET_POLICY: Final = "AWS::S3::BucketPolicy"
LOG: Final = "AWS::Logs::LogGroup"
TOPIC: Final = "AWS::SNS::Topic"
ALARM: Final = "AWS::CloudWatch::Alarm"

KEPT_SECONDS: Final = 14 * 24 * 60 * 60
"""How long a dead letter waits to be read: the longest that SQS allows."""

WELL_KNOWN: Final = ".well-known/*"
_SCHEMA: Final = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
_TYPES: Final = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource by CloudFormation's type, with all the properties that it has to have."""

    kind: str
    properties: Mapping[str, Any]
    kept: bool = False
    """Whether it stays when the stack that made it goes."""


def described(resources: Resources, where: Where) -> dict[str, Resource]:
    """Return everything by its logical name."""
    return dict(_all(resources, where))


def of_kind(resources: Resources, where: Where, kind: str) -> list[Row]:
    """Return the properties of everything of one type."""
    return [dict(one.properties) for one in described(resources, where).values() if one.kind == kind]


def template(resources: Resources, where: Where) -> Row:
    """Return it as a template that Chalice can merge into its own."""
    return {"Resources": {name: _resource(one) for name, one in described(resources, where).items()}}


def _resource(one: Resource) -> Row:
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"} if one.kept else {}
    return {"Type": one.kind, **kept, "Properties": dict(one.properties)}


def _all(resources: Resources, where: Where) -> Iterator[tuple[str, Resource]]:
    for name in resources.tables:
        yield f"{name.title()}Table", Resource(TABLE, table(resources, name), kept=resources.keeps_money)
    yield "DeadLetters", Resource(QUEUE, _queue(resources), kept=resources.keeps_money)
    bucket = resources.issuer_bucket_of(where.account)
    yield "IssuerBucket", Resource(BUCKET, _bucket(bucket), kept=resources.keeps_money)
    yield "IssuerBucketPolicy", Resource(BUCKET_POLICY, {"Bucket": bucket, "PolicyDocument": _readable(bucket)})
    yield "ApiLog", Resource(LOG, {"LogGroupName": resources.api_log, "RetentionInDays": resources.log_days})
    # Not encrypted by a key: alarms cannot use the one that AWS manages for SNS, and what they say is no secret.
    yield "AlarmTopic", Resource(TOPIC, {"TopicName": resources.alarm_topic})
    for name, alarm in resources.alarms.items():
        logical = name.title().replace("-", "") + "Alarm"
        yield logical, Resource(ALARM, _alarm(alarm_name(resources, name), alarm, topic_arn(resources, where)))


def topic_arn(resources: Resources, where: Where) -> str:
    """The ARN of the topic through which alarms ring."""
    return f"arn:aws:sns:{where.region}:{where.account}:{resources.alarm_topic}"


def alarm_name(resources: Resources, name: str) -> str:
    """The name of an alarm in AWS."""
    return f"tollgate-{resources.stage}-{name}"


def table(resources: Resources, name: str) -> Row:
    """Return the properties of a table, by the name that the store has for it."""
    streamed = resources.tables[name] in resources.streamed
    protected = {
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
    }
    return {
        "TableName": resources.tables[name],
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _SCHEMA,
        "AttributeDefinitions": _TYPES,
        **({"StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"}} if streamed else {}),
        **(protected if resources.keeps_money else {}),
    }


def _queue(resources: Resources) -> Row:
    return {
        "QueueName": resources.dead_letters,
        "MessageRetentionPeriod": KEPT_SECONDS,
        "SqsManagedSseEnabled": True,
    }


def _bucket(name: str) -> Row:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    return {
        "BucketName": name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        # Access lists stay blocked; the policy below opens the documents, and nothing else.
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": False,
            "RestrictPublicBuckets": False,
        },
        # A document that was overwritten by mistake can be had back.
        "VersioningConfiguration": {"Status": "Enabled"},
    }


def _readable(bucket: str) -> Row:
    """Everybody reads the documents, and only by TLS: API Gateway does so from the public internet."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadDocuments",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"{arn}/{WELL_KNOWN}",
            },
            {
                "Sid": "OnlyByTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def _alarm(name: str, alarm: Alarm, topic: str) -> Row:
    over = alarm.above is not None
    return {
        "AlarmName": name,
        "AlarmDescription": alarm.says,
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in alarm.dimensions.items()],
        "Statistic": alarm.statistic,
        "Period": alarm.seconds,
        "EvaluationPeriods": alarm.times,
        "Threshold": alarm.above if over else alarm.below,
        "ComparisonOperator": "GreaterThanThreshold" if over else "LessThanThreshold",
        "TreatMissingData": alarm.missing,
        "ActionsEnabled": True,
        "AlarmActions": [topic],
        "OKActions": [topic],
    }


def main(argv: list[str] | None = None) -> None:
    """Print the template of a stage."""
    parser = argparse.ArgumentParser(prog="infra.template", description="What a stage stands on, for CloudFormation.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True)
    options = parser.parse_args(argv)
    print(json.dumps(template(read_resources(options.stage), Where(options.account, options.region)), indent=2))


if __name__ == "__main__":
    main()
