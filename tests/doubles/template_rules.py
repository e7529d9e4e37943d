"""What a template of ours has to say of each thing in it, beyond what the linters know."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Row = dict[str, Any]
Resources = Mapping[str, Row]

_FORTNIGHT_SECONDS: Final = 1_209_600
_LONGEST_LOG_DAYS: Final = 400
_SECRET_WORDS: Final = ("SECRET", "PASSWORD", "TOKEN", "PRIVATE", "CREDENTIAL")
_NO_SECRETS: Final = ("PEPPER_SECRET_ID", "TOKEN_SECONDS")
_READERS: Final = {"Sid": "ReadDocuments", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


def broken(template: Row) -> list[str]:
    """Return what is wrong, with the name of the resource, for a stage that keeps money."""
    resources: Resources = template["Resources"]
    each = [f"{name}: {text}" for name, row in resources.items() for text in _broken(row)]
    return [*each, *_alarms_missing(resources), *_roles_shared(resources)]


def _broken(row: Row) -> Iterator[str]:
    rule = _RULES.get(row["Type"])
    if rule is None:
        yield f"no rule knows {row['Type']}"
    else:
        yield from rule(row)


def _of(resources: Resources, kind: str) -> list[Row]:
    return [row["Properties"] for row in resources.values() if row["Type"] == kind]


def _kept(row: Row) -> Iterator[str]:
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if row.get(policy) != "Retain":
            yield f"{policy} is not Retain"


def _table(row: Row) -> Iterator[str]:
    found = row["Properties"]
    yield from _kept(row)
    if not found.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
        yield "no point-in-time recovery"
    if not found.get("DeletionProtectionEnabled"):
        yield "no deletion protection"
    if found.get("SSESpecification") != {"SSEEnabled": True, "SSEType": "KMS"}:
        yield "not encrypted by a key that can be looked at"
    if found.get("BillingMode") != "PAY_PER_REQUEST":
        yield "pays for what it does not use"


def _queue(row: Row) -> Iterator[str]:
    yield from _kept(row)
    if not row["Properties"].get("SqsManagedSseEnabled"):
        yield "not encrypted"
    if row["Properties"].get("MessageRetentionPeriod") != _FORTNIGHT_SECONDS:
        yield "forgets within fourteen days"


def _bucket(row: Row) -> Iterator[str]:
    yield from _kept(row)
    found = row["Properties"]
    if not found.get("BucketEncryption"):
        yield "not encrypted"
    if found.get("VersioningConfiguration") != {"Status": "Enabled"}:
        yield "not versioned"
    block = found.get("PublicAccessBlockConfiguration", {})
    if not (block.get("BlockPublicAcls") and block.get("IgnorePublicAcls")):
        yield "access lists can open it"


def _bucket_policy(row: Row) -> Iterator[str]:
    statements: list[Row] = row["Properties"]["PolicyDocument"]["Statement"]
    allowed = [one for one in statements if one["Effect"] == "Allow"]
    for one in allowed:
        place = one.get("Resource", "")
        if {**one, "Resource": ""} != {**_READERS, "Resource": ""} or not str(place).endswith("/.well-known/*"):
            yield "allows more than reading documents"
    plain = [one for one in statements if one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}]
    if not any(one["Effect"] == "Deny" and one["Action"] == "s3:*" for one in plain):
        yield "can be read without TLS"


def _log(row: Row) -> Iterator[str]:
    if not 1 <= row["Properties"].get("RetentionInDays", 0) <= _LONGEST_LOG_DAYS:
        yield "keeps logs for ever"


def _alarm(row: Row) -> Iterator[str]:
    found = row["Properties"]
    if not found.get("AlarmActions"):
        yield "rings for nobody"
    if not found.get("AlarmDescription"):
        yield "does not say what has happened"


def _function(row: Row) -> Iterator[str]:
    found = row["Properties"]
    for name in found.get("Environment", {}).get("Variables", {}):
        if any(word in name for word in _SECRET_WORDS) and name not in _NO_SECRETS:
            yield f"{name} in the environment looks like a secret"
    if not 1 <= found.get("Timeout", 0) <= 900:
        yield "no timeout"


def _role(row: Row) -> Iterator[str]:
    trusted = row["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    if [one["Principal"] for one in trusted] != [{"Service": "lambda.amazonaws.com"}]:
        yield "somebody besides Lambda may take it"
    if row["Properties"].get("ManagedPolicyArns"):
        yield "has policies that are not in the list"
    for policy in row["Properties"].get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield from _statement(statement)


def _statement(statement: Row) -> Iterator[str]:
    if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & statement.keys():
        yield "grants by exclusion"
    for part in ("Action", "Resource"):
        given = statement.get(part, [])
        if any(
            "*" in one if part == "Action" else one == "*" for one in ([given] if isinstance(given, str) else given)
        ):
            yield f"{part} is everything"


def _nothing(row: Row) -> Iterator[str]:
    yield from ()


_RULES: Final[Mapping[str, Callable[[Row], Iterator[str]]]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Logs::LogGroup": _log,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::SNS::Topic": _nothing,
    "AWS::Serverless::Function": _function,
    "AWS::IAM::Role": _role,
}


def _alarms_missing(resources: Resources) -> Iterator[str]:
    alarms = _of(resources, "AWS::CloudWatch::Alarm")
    watched = {(one["MetricName"], tuple(d["Value"] for d in one["Dimensions"])) for one in alarms}
    for queue in _of(resources, "AWS::SQS::Queue"):
        if ("ApproximateNumberOfMessagesVisible", (queue["QueueName"],)) not in watched:
            yield f"no alarm on the queue {queue['QueueName']}"
    metrics = {name for name, _ in watched}
    yield from (f"no alarm on {name}" for name in ("CommitsChanged", "VerifierFindings") if name not in metrics)
    names = {one["TableName"] for one in _of(resources, "AWS::DynamoDB::Table")}
    for one in alarms:
        tables = {d["Value"] for d in one["Dimensions"] if d["Name"] == "TableName"}
        yield from (f"{one['AlarmName']} watches {table}, which is not there" for table in tables - names)


def _roles_shared(resources: Resources) -> Iterator[str]:
    roles = [str(row.get("Role")) for row in _of(resources, "AWS::Serverless::Function")]
    yield from (f"two functions have the role {role}" for role in set(roles) if roles.count(role) > 1)
