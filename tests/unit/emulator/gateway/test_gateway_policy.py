"""IAM policies: what lets a request in, what keeps it out, and what is refused because it is not understood.

Sources: API Gateway developer guide: api-gateway-lambda-authorizer-output; IAM user guide: reference_policies_elements.
"""

from __future__ import annotations

from typing import Any

import pytest

from emulator.gateway.policy import RESOURCE_LIMIT, BadPolicy, Decision, read_policy
from tests.doubles.gateway import statement

HERE = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/7"
FACTS = {"aws:sourceip": "203.0.113.7", "aws:useragent": "curl/8", "aws:securetransport": "true"}


def decide(*statements: dict[str, Any], at: str = HERE, facts: dict[str, str] | None = None) -> Decision:
    policy = read_policy({"Version": "2012-10-17", "Statement": list(statements)})
    return policy.decide(at, FACTS if facts is None else facts)


# "You can use wildcard characters (* and ?) within any ARN segment" (IAM JSON policy elements: Resource), and the
# format of permissions for executing an API (api-gateway-control-access-using-iam-policies-to-invoke-api).
RESOURCES: list[tuple[object, bool]] = [
    ("*", True),
    (HERE, True),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/*", True),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/?", True),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/??", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/*/GET/*", True),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/*", True),
    ("arn:aws:execute-api:*:*:*", True),
    ("arn:aws:execute-api:us-east-1", True),  # "completes the ARN by adding wildcard characters"
    ("arn:aws:execute-api:eu-west-1", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/POST/*", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/get/*", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/[0-9]", False),
    ("arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/.", False),
    ("arn:aws:execute-api:us-east-1:123456789012:ABCDEF123/*", False),
    (["arn:aws:execute-api:*:*:other/*", HERE], True),
    (["arn:aws:execute-api:*:*:other/*", "arn:aws:execute-api:*:*:another/*"], False),
]


@pytest.mark.parametrize(("resource", "matches"), RESOURCES)
def test_a_resource_matches_with_wildcards_and_in_its_own_case(resource: object, matches: bool) -> None:
    assert decide(statement(resource=resource)) == ("allow" if matches else "none")
    assert decide(statement(), statement("Deny", resource)) == ("deny" if matches else "allow")


def test_a_bracket_in_a_resource_is_a_bracket() -> None:
    assert decide(statement(resource="*/pets/[7]"), at=f"{HERE[:-1]}[7]") == "allow"


@pytest.mark.parametrize(
    ("action", "matches"),
    [
        ("execute-api:Invoke", True),
        ("EXECUTE-API:invoke", True),  # "the prefix and the action name are case insensitive" (elements: Action)
        ("execute-api:*", True),
        ("execute-api:Invok?", True),
        ("*", True),
        ("execute-api:InvalidateCache", False),
        ("lambda:*", False),
        (["s3:Get*", "execute-api:Inv*"], True),
    ],
)
def test_an_action_matches_with_wildcards_in_any_case(action: object, matches: bool) -> None:
    assert decide(statement(Action=action)) == ("allow" if matches else "none")


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    """IAM policy evaluation logic: "an explicit deny in any policy overrides any allows"."""
    deny = statement("Deny", "*/pets/7")
    assert decide(statement(), deny) == "deny"
    assert decide(deny, statement()) == "deny"
    assert decide(statement(), deny, at=f"{HERE}1") == "allow"


def test_several_statements_are_looked_at_and_none_is_an_implicit_deny() -> None:
    assert decide(statement(resource="*/other"), statement(resource="*/pets/*")) == "allow"
    assert decide(statement(resource="*/other"), statement(resource="*/another")) == "none"
    assert decide(statement("Deny", "*/other")) == "none"


def test_not_action_and_not_resource_are_all_but_those() -> None:
    inverted = {"Effect": "Deny", "Action": "*", "NotResource": "*/pets/*"}
    assert decide(statement(), inverted) == "allow"
    assert decide(statement(), inverted, at=HERE.replace("pets", "shops")) == "deny"
    assert decide({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}) == "allow"
    assert decide({"Effect": "Allow", "NotAction": "execute-api:*", "Resource": "*"}) == "none"


def test_an_empty_list_matches_nothing() -> None:
    """Chalice's AuthResponse(routes=[]): "this user is not authorized for any URLs"."""
    assert decide(statement(resource=[])) == "none"
    assert decide(statement(), statement("Deny", [])) == "allow"


def test_one_statement_needs_no_list() -> None:
    assert read_policy({"Statement": statement()}).decide(HERE, FACTS) == "allow"


# "IpAddress: The specified IP address or range; NotIpAddress: All IP addresses except ..." (elements: Condition).
CONDITIONS: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, FACTS, True),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.7"}}, FACTS, True),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.9/24"}}, FACTS, True),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.8/32"}}, FACTS, False),
    ({"IpAddress": {"aws:sourceip": ["192.0.2.0/24", "203.0.113.0/29"]}}, FACTS, True),
    ({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, FACTS, False),
    ({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, {"aws:sourceip": "2001:db8::1"}, True),
    ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, FACTS, False),
    ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/29"]}}, FACTS, False),
    ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]}}, FACTS, True),
    ({"IpAddress": {"aws:SourceIp": "203.0.0.0/8"}}, {}, False),
    ({"NotIpAddress": {"aws:SourceIp": "203.0.0.0/8"}}, {}, True),
    ({"StringEquals": {"aws:UserAgent": "curl/8"}}, FACTS, True),
    ({"StringEquals": {"aws:UserAgent": "CURL/8"}}, FACTS, False),
    ({"StringEqualsIgnoreCase": {"aws:UserAgent": "CURL/8"}}, FACTS, True),
    ({"StringNotEqualsIgnoreCase": {"aws:UserAgent": "CURL/8"}}, FACTS, False),
    ({"StringLike": {"aws:UserAgent": ["wget*", "curl/?"]}}, FACTS, True),
    ({"StringNotLike": {"aws:UserAgent": ["wget*", "curl/?"]}}, FACTS, False),
    ({"StringNotEquals": {"aws:UserAgent": "wget"}}, FACTS, True),
    ({"StringLike": {"aws:Referer": "*"}}, FACTS, False),
    ({"StringNotLike": {"aws:Referer": "*"}}, FACTS, True),
    ({"Bool": {"aws:SecureTransport": "true"}}, FACTS, True),
    ({"Bool": {"aws:SecureTransport": False}}, FACTS, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "StringEquals": {"aws:UserAgent": "wget"}}, FACTS, False),
    ({"StringLike": {"aws:UserAgent": "curl*", "aws:Referer": "*"}}, FACTS, False),
    ({}, FACTS, True),
]


@pytest.mark.parametrize(("condition", "facts", "holds"), CONDITIONS)
def test_conditions_are_all_of_their_keys_and_any_of_their_values(
    condition: dict[str, Any], facts: dict[str, str], holds: bool
) -> None:
    assert decide(statement(Condition=condition), facts=facts) == ("allow" if holds else "none")


BAD: list[tuple[object, str]] = [
    (None, "no object"),
    ("{}", "no object"),
    ({}, "no Statement"),
    ({"Statement": []}, "no Statement"),
    ({"Version": "2013-01-01", "Statement": [statement()]}, "a Version that IAM does not know"),
    ({"Statement": ["Allow"]}, "a statement is no object"),
    ({"Statement": [statement("allow")]}, "an Effect other than"),
    ({"Statement": [statement(Principal="*")]}, "Principal, which is not understood"),
    ({"Statement": [{"Effect": "Allow", "Action": "*"}]}, "one of Resource and NotResource"),
    ({"Statement": [statement(NotResource="*")]}, "one of Resource and NotResource"),
    ({"Statement": [{"Effect": "Allow", "Resource": "*"}]}, "one of Action and NotAction"),
    ({"Statement": [statement(resource=None)]}, "neither text nor a list of texts"),
    ({"Statement": [{"Effect": "Allow", "Action": "*", "NotResource": []}]}, "neither text nor a list of texts"),
    ({"Statement": [statement(resource=[""])]}, "neither text nor a list of texts"),
    ({"Statement": [statement(Action=7)]}, "neither text nor a list of texts"),
    ({"Statement": [statement(resource="x" * (RESOURCE_LIMIT + 1))]}, "longer than 512"),
    ({"Statement": [statement(resource="*/${aws:username}")]}, "policy variable"),
    ({"Statement": [statement(Condition=[])]}, "a Condition is no object"),
    ({"Statement": [statement(Condition={"IpAddress": "192.0.2.1"})]}, "a Condition is no object"),
    ({"Statement": [statement(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.256"}})]}, "no address or range"),
    ({"Statement": [statement(Condition={"IpAddress": {"aws:SourceIp": []}})]}, "neither text nor a list"),
    ({"Statement": [statement(Condition={"IpAddress": {"aws:VpcSourceIp": "192.0.2.1"}})]}, "is not understood here"),
    ({"Statement": [statement(Condition={"ipaddress": {"aws:SourceIp": "192.0.2.1"}})]}, "is not understood here"),
    ({"Statement": [statement(Condition={"StringEquals": {"aws:SourceIp": "192.0.2.1"}})]}, "is not understood here"),
    ({"Statement": [statement(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})]}, "is not understood"),
    # Also beside a statement that would allow: what is not understood might have denied.
    ({"Statement": [statement(), statement("Deny", Condition={"Null": {"aws:Referer": "true"}})]}, "is not understood"),
]


@pytest.mark.parametrize(("document", "complaint"), BAD)
def test_what_is_not_understood_makes_the_policy_bad(document: object, complaint: str) -> None:
    with pytest.raises(BadPolicy, match=complaint):
        read_policy(document)


def test_a_pattern_of_many_stars_does_not_take_for_ever() -> None:
    """Looked for backwards and forwards, this one would take longer than there are seconds."""
    policy = read_policy({"Statement": statement(resource="*" + "a*" * 100 + "b")})
    assert policy.decide("a" * 1_600, FACTS) == "none"
