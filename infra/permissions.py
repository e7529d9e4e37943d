"""What each function may call: the one list, from which a stage's policies are written.

`python -m infra.permissions --stage local --account 123456789012 --region us-east-1 --directory .chalice` writes a
file per function. Nothing is granted by exclusion and no action or resource is `*`; what every function does (its own
log) is added to each. DynamoDB authorizes the parts of a transaction one by one, hence the condition on writes: nobody
may write outside of one.

Keys of KMS have no names, so what may be done to them is narrowed by what they carry. Source: KMS developer guide,
"Controlling access to aliases", "AWS KMS permissions", "ABAC for AWS KMS". An operation on an alias needs the
permission twice, for the alias and for every key that it names or is to name. For the alias there is no condition
key, since it has no tags: it is named by its ARN. For the keys there is `aws:ResourceTag` (a changed tag is heeded
within five minutes), for TagResource `aws:TagKeys`, for ScheduleKeyDeletion
`kms:ScheduleKeyDeletionPendingWindowInDays`. CreateKey can be narrowed to no resource, so no function may make a key.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chalicelib.keys.aws import OBJECT, alias_of
from chalicelib.keys.key import DELETED_DAYS, INSTANTS, STAGE
from infra.event_sources import APP
from infra.files import PUBLIC_MODE, replace_file
from infra.resources import Resources, read_resources
from infra.signing_keys import ROLES

Statement = dict[str, Any]
VERSION: Final = "2012-10-17"
_IN_A_TRANSACTION: Final = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}}


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on places of `_arns`; `transacted` if only as part of a transaction, `only` for further conditions."""

    sid: str
    actions: tuple[str, ...]
    places: tuple[str, ...]
    transacted: bool = False
    only: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_APPEND: Final = Grant("AppendCommits", ("dynamodb:PutItem",), ("commits",), transacted=True)
_FIND: Final = Grant("FindCommits", ("dynamodb:GetItem",), ("commits",))
_POST: Final = Grant("PostToLedger", ("dynamodb:PutItem", "dynamodb:UpdateItem"), ("ledger",), transacted=True)
_READ: Final = Grant("ReadLedger", ("dynamodb:GetItem", "dynamodb:Query"), ("ledger",))
_STATUS: Final = Grant("AskClientStatus", ("dynamodb:GetItem",), ("clients",))
_TENANTS: Final = Grant("ListTenants", ("dynamodb:Query",), ("clients",))
_HISTORY: Final = Grant("ReadProjections", ("dynamodb:Query",), ("projections",))
_FORGET: Final = Grant("ForgetReminders", ("dynamodb:DeleteItem",), ("ledger",), transacted=True)
_MONEY: Final = (_APPEND, _FIND, _POST, _READ, _STATUS)
# Lambda itself sends what has failed for good, in the role of the function.
_GIVE_UP: Final = Grant("SendDeadLetters", ("sqs:SendMessage",), ("dead_letters",))
# A sweeper takes away the reminders of what has happened, and finds the tenants it works for.
_DUE: Final = (_APPEND, _FIND, _POST, _FORGET, _READ, _TENANTS, _GIVE_UP)

GRANTS: Final[Mapping[str, tuple[Grant, ...]]] = {
    "tokens": (
        Grant("AuthenticateClients", ("dynamodb:GetItem",), ("clients",)),
        Grant("SignTokens", ("kms:GetPublicKey", "kms:Sign"), ("signing_key",)),
        Grant("ReadPepper", ("secretsmanager:GetSecretValue",), ("pepper",)),
    ),
    "accounts": (
        *_MONEY,
        Grant("ReadStatements", ("dynamodb:GetItem", "dynamodb:Query"), ("projections",)),
        # The slices of an account are read together.
        Grant("ReadSlices", ("dynamodb:BatchGetItem",), ("ledger",)),
    ),
    "payments": (
        *_MONEY,
        _HISTORY,
        Grant("FreeReferences", ("dynamodb:DeleteItem",), ("ledger",), transacted=True),
    ),
    "refunds": _MONEY,
    "transfers": _MONEY,
    "payments_due": _DUE,
    "transfers_due": _DUE,
    "events": (Grant("ReadClock", ("dynamodb:GetItem",), ("ledger",)), _HISTORY, _STATUS),
    "clocks": (
        _APPEND,
        _FIND,
        Grant("MoveClock", ("dynamodb:PutItem",), ("ledger",), transacted=True),
        Grant("ReadClock", ("dynamodb:GetItem",), ("ledger",)),
        _STATUS,
    ),
    "projections": (
        Grant("ReadCommits", ("dynamodb:BatchGetItem",), ("commits",)),
        Grant("Project", ("dynamodb:PutItem",), ("projections",), transacted=True),
        Grant("ReadProjections", ("dynamodb:BatchGetItem",), ("projections",)),
        # Lambda itself reads the streams, in the role of the function.
        Grant(
            "FollowStreams",
            ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
            ("commits/stream", "ledger/stream"),
        ),
    ),
    # It reads everything, and writes nothing but what streams have lost.
    "verifier": (
        Grant("ReadCommits", ("dynamodb:Query",), ("commits",)),
        _READ,
        Grant("ReadProjections", ("dynamodb:BatchGetItem", "dynamodb:Query"), ("projections",)),
        Grant("FillInProjections", ("dynamodb:PutItem",), ("projections",), transacted=True),
        _TENANTS,
        _GIVE_UP,
    ),
    # It looks after the keys by which tokens are signed, and signs none.
    "keys": (
        Grant("ReadKeys", ("kms:DescribeKey", "kms:GetPublicKey", "kms:ListResourceTags"), ("keys",)),
        # Not the tag by which a stage's keys are told apart.
        Grant(
            "DateKeys",
            ("kms:TagResource",),
            ("keys",),
            only={"ForAllValues:StringEquals": {"aws:TagKeys": list(INSTANTS)}},
        ),
        Grant("MoveAliases", ("kms:UpdateAlias",), ("aliases",)),
        Grant("MoveAliasesOfKeys", ("kms:UpdateAlias",), ("keys",)),
        Grant(
            "GiveUpKeys",
            ("kms:ScheduleKeyDeletion",),
            ("keys",),
            only={"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": str(DELETED_DAYS)}},
        ),
        Grant("PublishKeys", ("s3:GetObject", "s3:PutObject"), ("issuer_keys",)),
        _GIVE_UP,
    ),
}


@dataclass(frozen=True, slots=True)
class Where:
    """The account and Region that a stage's resources are in."""

    account: str
    region: str


def policy(function: str, resources: Resources, where: Where) -> dict[str, Any]:
    """Return a function's whole policy; KeyError for a function that the list does not have."""
    statements = [_statement(grant, resources, where) for grant in GRANTS[function]]
    return {"Version": VERSION, "Statement": [*statements, _own_log(function, resources, where)]}


def _statement(grant: Grant, resources: Resources, where: Where) -> Statement:
    statement: Statement = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": [arn for place in grant.places for arn in _arns(place, resources, where)],
    }
    condition = {**_condition(grant, resources, where), **grant.only}
    return {**statement, "Condition": condition} if condition else statement


def _condition(grant: Grant, resources: Resources, where: Where) -> Mapping[str, Any]:
    if grant.transacted:
        return _IN_A_TRANSACTION
    # The key's id is not known before it exists and changes with rotation: whoever signs does so by the alias.
    known = {
        "signing_key": {"kms:RequestAlias": resources.signing_key},
        "keys": {f"aws:ResourceTag/{STAGE}": resources.stage},
        # A bucket's name is anybody's who is first.
        "issuer_keys": {"aws:ResourceAccount": where.account},
    }
    equal = {key: value for place in grant.places for key, value in known.get(place, {}).items()}
    return {"StringEquals": equal} if equal else {}


def _arns(place: str, resources: Resources, where: Where) -> list[str]:
    if place == "aliases":
        here = f"{where.region}:{where.account}"
        return [f"arn:aws:kms:{here}:{alias_of(role, resources.signing_key)}" for role in ROLES]
    return [_arn(place, resources, where)]


def _arn(place: str, resources: Resources, where: Where) -> str:
    here = f"{where.region}:{where.account}"
    if place in ("keys", "signing_key"):
        return f"arn:aws:kms:{here}:key/*"
    if place == "issuer_keys":
        return f"arn:aws:s3:::{resources.issuer_bucket_of(where.account)}/{OBJECT}"
    if place == "dead_letters":
        return f"arn:aws:sqs:{here}:{resources.dead_letters}"
    if place == "pepper":
        return f"arn:aws:secretsmanager:{here}:secret:{resources.pepper}-??????"  # ends in six characters of AWS's
    table, _, stream = place.partition("/")
    # The stream's name is the instant it was made, which nobody knows before.
    return f"arn:aws:dynamodb:{here}:table/{resources.tables[table]}{'/stream/*' if stream else ''}"


def _own_log(function: str, resources: Resources, where: Where) -> Statement:
    group = f"arn:aws:logs:{where.region}:{where.account}:log-group:/aws/lambda/{APP}-{resources.stage}-{function}"
    return {
        "Sid": "OwnLog",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{group}:log-stream:*"],
    }


def write_policies(directory: Path, resources: Resources, where: Where) -> None:
    """Write `policy-<function>.json` for every function."""
    for function in GRANTS:
        text = json.dumps(policy(function, resources, where), indent=2) + "\n"
        replace_file(directory / f"policy-{function}.json", text.encode(), PUBLIC_MODE)


def main(argv: list[str] | None = None) -> None:
    """Write the policies of a stage."""
    parser = argparse.ArgumentParser(prog="infra.permissions", description="The functions' policies, from one list.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(argv)
    write_policies(options.directory, read_resources(options.stage), Where(options.account, options.region))


if __name__ == "__main__":
    main()
