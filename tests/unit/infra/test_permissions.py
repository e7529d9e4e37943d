"""L3: one role per function, written from one list that never grants by exclusion or to everything."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.functions import ROOT
from infra.permissions import GRANTS, Where, main, policy
from infra.resources import read_resources

HERE = Where("123456789012", "us-east-1")
ACCOUNT = f"{HERE.region}:{HERE.account}"
RESOURCES = read_resources("local")
READS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}

each_function = pytest.mark.parametrize("function", sorted(GRANTS))


def _granted(place: str) -> set[tuple[str, str, bool]]:
    return {
        (function, action, grant.transacted)
        for function, grants in GRANTS.items()
        for grant in grants
        for action in grant.actions
        if place in grant.places
    }


def _statements(function: str) -> dict[str, dict[str, Any]]:
    written = policy(function, RESOURCES, HERE)
    assert written["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in written["Statement"]}


@each_function
def test_l3_what_is_committed_is_what_the_list_says(function: str, tmp_path: Path) -> None:
    place = ["--account", HERE.account, "--region", HERE.region]
    main(["--stage", "local", *place, "--directory", str(tmp_path)])
    name = f"policy-{function}.json"
    assert (ROOT / ".chalice" / name).read_text() == (tmp_path / name).read_text(), (
        f"write it anew: python -m infra.permissions --stage local {' '.join(place)} --directory .chalice"
    )


@each_function
def test_l3_nothing_is_granted_by_exclusion_or_to_everything(function: str) -> None:
    for statement in _statements(function).values():
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        assert all("*" not in action and "?" not in action for action in statement["Action"])
        assert all(_is_ours(resource, statement) for resource in statement["Resource"]), "one account, one Region"


def _is_ours(resource: str, statement: dict[str, Any]) -> bool:
    """A bucket's ARN names neither account nor Region: the condition does."""
    if resource.startswith("arn:aws:s3:::"):
        return "*" not in resource and statement["Condition"]["StringEquals"]["aws:ResourceAccount"] == HERE.account
    return f":{ACCOUNT}:" in resource


@each_function
def test_l3_statements_have_names_of_their_own(function: str) -> None:
    assert len(_statements(function)) == len(policy(function, RESOURCES, HERE)["Statement"])


def test_l3_commit_records_can_only_be_added_and_found() -> None:
    granted = _granted("commits")
    assert {action for _, action, _ in granted} == {"dynamodb:PutItem", *READS}
    readers = {function for function, action, _ in granted if action == "dynamodb:Query"}
    assert readers == {"verifier"}, "who posts finds a record by its key, and only by it"


def test_l3_only_tokens_signs_and_reads_the_pepper() -> None:
    assert {function for function, *_ in _granted("signing_key") | _granted("pepper")} == {"tokens"}
    actions = {
        (function, action) for function, grants in GRANTS.items() for grant in grants for action in grant.actions
    }
    assert {function for function, action in actions if action == "kms:Sign"} == {"tokens"}
    assert {function for function, action in actions if action.startswith("kms:")} == {"tokens", "keys"}


def test_l3_who_looks_after_keys_neither_makes_nor_uses_them() -> None:
    kms = {action for statement in _statements("keys").values() for action in statement["Action"] if "kms:" in action}
    reads = {"kms:DescribeKey", "kms:GetPublicKey", "kms:ListResourceTags"}
    assert kms == reads | {"kms:TagResource", "kms:UpdateAlias", "kms:ScheduleKeyDeletion"}


def test_l3_keys_are_told_apart_by_their_tag_which_the_function_cannot_give() -> None:
    for statement in _statements("keys").values():
        if statement["Resource"] == [f"arn:aws:kms:{ACCOUNT}:key/*"]:
            assert statement["Condition"]["StringEquals"] == {"aws:ResourceTag/tollgate:stage": "local"}
    tags = _statements("keys")["DateKeys"]["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]
    assert len(tags) == 4
    assert "tollgate:stage" not in tags
    deletes = _statements("keys")["GiveUpKeys"]["Condition"]
    assert deletes["NumericEquals"] == {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}


def test_l3_aliases_and_the_document_are_named_one_by_one() -> None:
    alias = f"arn:aws:kms:{ACCOUNT}:alias/tollgate-local-tokens"
    assert _statements("keys")["MoveAliases"]["Resource"] == [alias, f"{alias}-next", f"{alias}-previous"]
    document = "arn:aws:s3:::tollgate-local-issuer-123456789012/.well-known/jwks.json"
    assert _statements("keys")["PublishKeys"]["Resource"] == [document]


def test_l3_clients_are_only_read() -> None:
    assert {action for _, action, _ in _granted("clients")} <= READS


@pytest.mark.parametrize("table", sorted(RESOURCES.tables))
def test_l3_nobody_writes_outside_of_a_transaction(table: str) -> None:
    """Source: DynamoDB developer guide, "IAM policy examples": the condition key dynamodb:EnclosingOperation."""
    assert all(transacted for _, action, transacted in _granted(table) if action not in READS)


def test_a_transacted_grant_says_so() -> None:
    assert _statements("refunds")["AppendCommits"] == {
        "Sid": "AppendCommits",
        "Effect": "Allow",
        "Action": ["dynamodb:PutItem"],
        "Resource": [f"arn:aws:dynamodb:{ACCOUNT}:table/tollgate-local-commits"],
        "Condition": {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}},
    }


def test_who_signs_does_so_by_the_alias_whatever_key_is_behind_it() -> None:
    signs = _statements("tokens")["SignTokens"]
    assert signs["Resource"] == [f"arn:aws:kms:{ACCOUNT}:key/*"]
    assert signs["Condition"] == {"StringEquals": {"kms:RequestAlias": "alias/tollgate-local-tokens"}}


def test_what_has_no_known_name_yet_is_matched_as_narrowly_as_can_be() -> None:
    secret = f"arn:aws:secretsmanager:{ACCOUNT}:secret:tollgate-local-pepper-??????"
    assert _statements("tokens")["ReadPepper"]["Resource"] == [secret]
    streams = [f"arn:aws:dynamodb:{ACCOUNT}:table/tollgate-local-{name}/stream/*" for name in ("commits", "ledger")]
    assert _statements("projections")["FollowStreams"]["Resource"] == streams


def test_a_stage_has_policies_of_its_own() -> None:
    text = json.dumps(policy("payments", read_resources("dev"), Where("999999999999", "eu-central-1")))
    assert "local" not in text
    assert "us-east-1" not in text
    assert "arn:aws:logs:eu-central-1:999999999999:log-group:/aws/lambda/tollgate-dev-payments:log-stream:*" in text


def test_every_function_has_its_own_policy() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert config["autogen_policy"] is False
    functions = config["stages"]["local"]["lambda_functions"]
    assert {function: one["iam_policy_file"] for function, one in functions.items()} == {
        function: f"policy-{function}.json" for function in GRANTS
    }
