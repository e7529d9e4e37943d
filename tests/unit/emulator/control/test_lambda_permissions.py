"""Who may invoke what: statements as AWS writes them, and what they allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.functions.permissions import _like
from tests.doubles.control_planes import refused
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN, Lambdas

BAD = "InvalidParameterValueException"
GATEWAY = "apigateway.amazonaws.com"
API = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc"


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    made = Lambdas(tmp_path)
    made.function(Publish=True)
    made.do("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return made


def allow(lambdas: Lambdas, function: str = "f", sid: str = "s", **more: Any) -> dict[str, Any]:
    asked = {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": GATEWAY, **more}
    statement: dict[str, Any] = json.loads(lambdas.do("AddPermission", FunctionName=function, **asked)["Statement"])
    return statement


def may(lambdas: Lambdas, function: str, source: str = f"{API}/s/GET/a", service: str = GATEWAY) -> bool:
    return lambdas.plane.permissions.may_invoke(function, service, source)


def test_a_statement_as_aws_writes_it(lambdas: Lambdas) -> None:
    made = allow(lambdas, "f:live", SourceArn=f"{API}/*", SourceAccount=ACCOUNT)
    assert made == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": GATEWAY},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}f:live",
        "Condition": {"ArnLike": {"AWS:SourceArn": f"{API}/*"}, "StringEquals": {"AWS:SourceAccount": ACCOUNT}},
    }
    policy = json.loads(lambdas.do("GetPolicy", FunctionName="f", Qualifier="live")["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [made]}
    assert allow(lambdas, sid="account", Principal=ACCOUNT)["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert allow(lambdas, sid="all", Principal="*")["Principal"] == "*"


def test_a_policy_is_of_one_qualifier(lambdas: Lambdas) -> None:
    allow(lambdas, "f:live")
    assert [may(lambdas, name) for name in ("f:live", "f", "f:1", "f:$LATEST")] == [True, False, False, False]
    allow(lambdas)
    assert [may(lambdas, name) for name in ("f", "f:1", "f:$LATEST")] == [True, False, True]
    lambdas.do("RemovePermission", FunctionName="f", Qualifier="live", StatementId="s")
    assert not may(lambdas, "f:live")
    with refused("ResourceNotFoundException", status=404):
        lambdas.do("GetPolicy", FunctionName="f:live")


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({}, True),
        ({"SourceArn": f"{API}/*"}, True),
        ({"SourceArn": f"{API}/s/GET/a"}, True),
        ({"SourceArn": f"{API}/*/*/*"}, True),
        ({"SourceArn": f"{API}/*/GET/?"}, True),
        ({"SourceArn": f"{API}/other/*"}, False),
        ({"SourceArn": f"{API}/s/POST/a"}, False),
        ({"SourceArn": "arn:*:abc/*"}, False),
        ({"SourceArn": f"arn:aws:execute-api:*:{ACCOUNT}:abc/*"}, True),
        ({"SourceAccount": ACCOUNT}, True),
        ({"SourceAccount": "999999999999"}, False),
        ({"Action": "lambda:*"}, True),
        ({"Action": "lambda:GetFunction"}, False),
        ({"Principal": "events.amazonaws.com"}, False),
        ({"Principal": ACCOUNT}, False),
        ({"Principal": "*"}, False),
    ],
)
def test_what_a_statement_allows(lambdas: Lambdas, more: dict[str, Any], allowed: bool) -> None:
    allow(lambdas, **more)
    assert may(lambdas, "f") is allowed


@given(st.text("ab:/*?.[", max_size=12), st.text("ab:/.[", max_size=12))
def test_a_pattern_is_no_regular_expression(pattern: str, text: str) -> None:
    plain = "*" not in pattern and "?" not in pattern
    matches = _like(pattern).fullmatch(text) is not None
    assert matches == (pattern == text) if plain else True
    assert _like(pattern.replace("*", "").replace("?", "a")).fullmatch(pattern.replace("*", "").replace("?", "a"))


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("FunctionUrlAuthType", {"FunctionUrlAuthType": "NONE"}),
    ("InvokedViaFunctionUrl", {"InvokedViaFunctionUrl": True}),
    ("EventSourceToken", {"EventSourceToken": "t"}),
    ("PrincipalOrgID", {"PrincipalOrgID": "o-1234567890"}),
    ("StatementId", {"StatementId": "a b"}),
    ("Action", {"Action": "s3:GetObject"}),
    ("$LATEST", {"Qualifier": "$LATEST"}),
]


@pytest.mark.parametrize(("words", "more"), REFUSED)
def test_a_condition_that_nobody_would_look_at_is_refused(lambdas: Lambdas, words: str, more: dict[str, Any]) -> None:
    with refused(BAD, words):
        allow(lambdas, **more)
    assert not may(lambdas, "f")


def test_there_is_none_or_one_already(lambdas: Lambdas) -> None:
    allow(lambdas)
    with refused("ResourceConflictException", "statement id (s)", 409):
        allow(lambdas)
    for function, qualifier in (("g", ""), ("f", "9")):
        with refused("ResourceNotFoundException", status=404):
            allow(lambdas, f"{function}:{qualifier}" if qualifier else function)
    with refused("ResourceNotFoundException", "Statement t", 404):
        lambdas.do("RemovePermission", FunctionName="f", StatementId="t")


def test_a_policys_revision_changes_with_it(lambdas: Lambdas) -> None:
    allow(lambdas)
    first = lambdas.do("GetPolicy", FunctionName="f")["RevisionId"]
    assert Lambdas(lambdas.folder).do("GetPolicy", FunctionName="f")["RevisionId"] == first
    allow(lambdas, sid="t", RevisionId=first)
    with refused("PreconditionFailedException", status=412):
        allow(lambdas, sid="u", RevisionId=first)
    with refused("PreconditionFailedException", status=412):
        remove(lambdas, RevisionId=first)
    remove(lambdas, RevisionId=lambdas.do("GetPolicy", FunctionName="f")["RevisionId"])


def remove(lambdas: Lambdas, **more: str) -> dict[str, Any]:
    return lambdas.do("RemovePermission", FunctionName="f", StatementId="s", **more)


def test_who_is_not_there_is_told_so_by_others(lambdas: Lambdas) -> None:
    assert may(lambdas, "nobody")
