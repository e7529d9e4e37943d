"""L3: one role per function, checked against a list of what each may do; what is not on the list is refused."""

import json
from typing import Any

import pytest

from infra.functions import ROOT

ACCOUNT = "us-east-1:123456789012"
COMMITS, LEDGER, PROJECTED, CLIENTS = (
    f"arn:aws:dynamodb:{ACCOUNT}:table/tollgate-local-{name}"
    for name in ("commits", "ledger", "projections", "clients")
)
ONLY_IN_TRANSACTIONS = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}}
OUR_KEY = {"StringEquals": {"kms:RequestAlias": "alias/tollgate-local-tokens"}}
NOTHING: dict[str, Any] = {}

MONEY = {
    ("dynamodb:PutItem", COMMITS): ONLY_IN_TRANSACTIONS,
    ("dynamodb:GetItem", COMMITS): NOTHING,
    ("dynamodb:PutItem", LEDGER): ONLY_IN_TRANSACTIONS,
    ("dynamodb:UpdateItem", LEDGER): ONLY_IN_TRANSACTIONS,
    ("dynamodb:GetItem", LEDGER): NOTHING,
    ("dynamodb:Query", LEDGER): NOTHING,
    ("dynamodb:GetItem", CLIENTS): NOTHING,
}
# Key ids and the end of a secret's ARN are not known before they exist: the alias and the name stand for them.
TOKENS = {
    ("dynamodb:GetItem", CLIENTS): NOTHING,
    ("kms:GetPublicKey", f"arn:aws:kms:{ACCOUNT}:key/*"): OUR_KEY,
    ("kms:Sign", f"arn:aws:kms:{ACCOUNT}:key/*"): OUR_KEY,
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{ACCOUNT}:secret:tollgate-local-pepper-??????"): NOTHING,
}
# A sweeper also takes away the reminders of what has happened, and finds the tenants it works for.
DUE = MONEY | {
    ("dynamodb:DeleteItem", LEDGER): ONLY_IN_TRANSACTIONS,
    ("dynamodb:Query", CLIENTS): NOTHING,
}
READ_PROJECTIONS = {("dynamodb:GetItem", PROJECTED): NOTHING, ("dynamodb:Query", PROJECTED): NOTHING}
EVENTS = READ_PROJECTIONS | {
    ("dynamodb:GetItem", LEDGER): NOTHING,
    ("dynamodb:GetItem", CLIENTS): NOTHING,
}
CLOCKS = {
    ("dynamodb:PutItem", COMMITS): ONLY_IN_TRANSACTIONS,
    ("dynamodb:GetItem", COMMITS): NOTHING,
    ("dynamodb:UpdateItem", LEDGER): ONLY_IN_TRANSACTIONS,
    ("dynamodb:GetItem", LEDGER): NOTHING,
    ("dynamodb:GetItem", CLIENTS): NOTHING,
}
# The stream's name ends in the instant it was made, which nobody knows before.
PROJECTIONS = {
    ("dynamodb:BatchGetItem", COMMITS): NOTHING,
    ("dynamodb:PutItem", PROJECTED): ONLY_IN_TRANSACTIONS,
    ("dynamodb:BatchGetItem", PROJECTED): NOTHING,
} | {
    (f"dynamodb:{action}", f"{table}/stream/*"): NOTHING
    for action in ("DescribeStream", "GetRecords", "GetShardIterator")
    for table in (COMMITS, LEDGER)
}
# It reads everything, and writes nothing but what streams have lost.
VERIFIER = {
    ("dynamodb:Query", COMMITS): NOTHING,
    ("dynamodb:BatchGetItem", PROJECTED): NOTHING,
    ("dynamodb:Query", PROJECTED): NOTHING,
    ("dynamodb:PutItem", PROJECTED): ONLY_IN_TRANSACTIONS,
    ("dynamodb:GetItem", LEDGER): NOTHING,
    ("dynamodb:Query", LEDGER): NOTHING,
    ("dynamodb:Query", CLIENTS): NOTHING,
}
ALLOWED = {
    "verifier": VERIFIER,
    "events": EVENTS,
    "clocks": CLOCKS,
    "projections": PROJECTIONS,
    "tokens": TOKENS,
    "accounts": MONEY | READ_PROJECTIONS | {("dynamodb:BatchGetItem", LEDGER): NOTHING},
    "payments": MONEY
    | READ_PROJECTIONS
    | {("dynamodb:DeleteItem", LEDGER): ONLY_IN_TRANSACTIONS},  # references that are free again
    "payments_due": DUE,
    "refunds": MONEY,
    "transfers": MONEY,
    "transfers_due": DUE,
}

each_room = pytest.mark.parametrize("room", sorted(ALLOWED))


def _statements(room: str) -> list[dict[str, Any]]:
    policy = json.loads((ROOT / ".chalice" / f"policy-{room}.json").read_text())
    assert policy["Version"] == "2012-10-17"
    statements: list[dict[str, Any]] = policy["Statement"]
    return statements


def _own_log(room: str) -> dict[tuple[str, str], dict[str, Any]]:
    group = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/tollgate-local-{room}"
    return {(action, f"{group}:log-stream:*"): NOTHING for action in ("logs:CreateLogStream", "logs:PutLogEvents")}


@each_room
def test_l3_each_role_has_exactly_what_its_function_does(room: str) -> None:
    granted = {
        (action, resource): statement.get("Condition", NOTHING)
        for statement in _statements(room)
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert granted == ALLOWED[room] | _own_log(room)


@each_room
def test_l3_nothing_is_granted_by_exclusion_or_to_everything(room: str) -> None:
    for statement in _statements(room):
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        assert all("*" not in action and "?" not in action for action in statement["Action"])
        assert "*" not in statement["Resource"]


def test_l3_commit_records_can_only_be_added_and_found() -> None:
    actions = {action for room in ALLOWED for action, resource in ALLOWED[room] if resource == COMMITS}
    assert actions == {"dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    readers = {room for room in ALLOWED if ("dynamodb:Query", COMMITS) in ALLOWED[room]}
    assert readers == {"verifier"}, "who posts finds a record by its key, and only by it"


def test_every_function_has_its_own_policy() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert config["autogen_policy"] is False
    functions = config["stages"]["local"]["lambda_functions"]
    assert {room: one["iam_policy_file"] for room, one in functions.items()} == {
        room: f"policy-{room}.json" for room in ALLOWED
    }
