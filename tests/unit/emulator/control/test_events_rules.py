"""EventBridge's rules: which functions are started when, and what is refused because nobody would see to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.lambdas.event_sources import ScheduleSource
from tests.doubles.control_planes import refused
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN, Lambdas

BAD = "ValidationException"
GONE = "ResourceNotFoundException"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/sweep"
MINUTE = {"Name": "sweep", "ScheduleExpression": "rate(1 minute)"}


@pytest.fixture
def lambdas(tmp_path: Path) -> Lambdas:
    return Lambdas(tmp_path)


def target(name: str = "f", target_id: str = "1", **more: Any) -> dict[str, Any]:
    return {"Id": target_id, "Arn": f"{ARN}{name}", **more}


def scheduled(lambdas: Lambdas, *targets: dict[str, Any], **more: Any) -> None:
    lambdas.rule("PutRule", **{**MINUTE, **more})
    lambdas.rule("PutTargets", Rule="sweep", Targets=list(targets) or [target()])


def test_a_rule_as_it_is_told(lambdas: Lambdas) -> None:
    asked = {**MINUTE, "Description": "a", "RoleArn": "arn:role"}
    assert lambdas.rule("PutRule", **asked, Tags=[{"Key": "a", "Value": "b"}]) == {"RuleArn": RULE}
    shown = {**asked, "State": "ENABLED", "Arn": RULE, "EventBusName": "default"}
    assert lambdas.rule("DescribeRule", Name="sweep") == {**shown, "CreatedBy": ACCOUNT}
    assert lambdas.rule("ListRules") == {"Rules": [shown]}
    assert lambdas.rule("ListTagsForResource", ResourceARN=RULE) == {"Tags": [{"Key": "a", "Value": "b"}]}


def test_a_rule_that_is_put_again_is_another_with_the_same_targets_and_tags(lambdas: Lambdas) -> None:
    scheduled(lambdas, Description="a", State="DISABLED", Tags=[{"Key": "a", "Value": "b"}])
    assert lambdas.followers.followed == {}
    lambdas.rule("PutRule", **MINUTE, Tags=[{"Key": "c", "Value": "d"}])
    told = lambdas.rule("DescribeRule", Name="sweep")
    assert (told["State"], "Description" in told) == ("ENABLED", False)
    assert lambdas.rule("ListTagsForResource", ResourceARN=RULE) == {"Tags": [{"Key": "a", "Value": "b"}]}
    assert list(lambdas.followers.followed) == ["rule/sweep/1"]


def test_every_target_is_started_while_the_rule_is_enabled(lambdas: Lambdas) -> None:
    scheduled(lambdas, target(), target("g:live", "2", Input='{"a": 1}'))
    both = {
        "rule/sweep/1": ScheduleSource("f", 60, RULE),
        "rule/sweep/2": ScheduleSource("g:live", 60, RULE, '{"a": 1}'),
    }
    assert lambdas.followers.followed == both
    lambdas.rule("DisableRule", Name="sweep")
    assert lambdas.followers.followed == {}
    assert lambdas.rule("DescribeRule", Name="sweep")["State"] == "DISABLED"
    lambdas.rule("EnableRule", Name="sweep")
    assert lambdas.followers.followed == both
    lambdas.rule("RemoveTargets", Rule="sweep", Ids=["1", "never"])
    assert list(lambdas.followers.followed) == ["rule/sweep/2"]
    lambdas.rule("PutRule", Name="sweep", ScheduleExpression="rate(2 hours)")
    assert [source.seconds for source in lambdas.followers.followed.values() if isinstance(source, ScheduleSource)] == [
        7_200
    ]


def test_what_does_not_change_goes_on(lambdas: Lambdas) -> None:
    """A schedule that began anew with every call would, deployed often enough, never start anything."""
    scheduled(lambdas)
    lambdas.followers.changes.clear()
    scheduled(lambdas)
    lambdas.rule("EnableRule", Name="sweep")
    lambdas.rule("TagResource", ResourceARN=RULE, Tags=[{"Key": "a", "Value": "b"}])
    lambdas.rule("UntagResource", ResourceARN=RULE, TagKeys=["a"])
    assert lambdas.followers.changes == []
    lambdas.rule("PutTargets", Rule="sweep", Targets=[target("g", "2")])
    assert lambdas.followers.changes == ["+rule/sweep/2"]
    lambdas.rule("PutTargets", Rule="sweep", Targets=[target("g")])
    assert lambdas.followers.changes == ["+rule/sweep/2", "-rule/sweep/1", "+rule/sweep/1"]


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    (BAD, "ScheduleExpression", {"ScheduleExpression": ""}),
    (BAD, "Patterns", {"EventPattern": '{"source": ["a"]}'}),
    (BAD, "no rate", {"ScheduleExpression": "cron(0 10 * * ? *)"}),
    (BAD, "no rate", {"ScheduleExpression": "rate(0 minutes)"}),
    (BAD, "singular", {"ScheduleExpression": "rate(1 minutes)"}),
    (BAD, "plural", {"ScheduleExpression": "rate(10 minute)"}),
    (BAD, "named by", {"Name": "a/b"}),
    (BAD, "CloudTrail", {"State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}),
    (GONE, "bus other", {"EventBusName": "other"}),
]


@pytest.mark.parametrize(("code", "words", "more"), REFUSED)
def test_a_rule_that_nobody_would_follow_is_refused(
    lambdas: Lambdas, code: str, words: str, more: dict[str, Any]
) -> None:
    with refused(code, words, 400):
        lambdas.rule("PutRule", **{**MINUTE, **more})
    assert lambdas.rule("ListRules") == {"Rules": []}


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("Only functions", {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters"}),
        ("Only functions", {"Arn": "arn:function:f"}),
        ("Only functions", {"Arn": "arn:aws:lambda:eu-west-1:999999999999:function:f"}),
        ("InputPath", {"InputPath": "$.detail"}),
        ("InputTransformer", {"InputTransformer": {"InputTemplate": "x"}}),
        ("RetryPolicy", {"RetryPolicy": {"MaximumRetryAttempts": 1}}),
        ("DeadLetterConfig", {"DeadLetterConfig": {"Arn": "arn"}}),
        ("no JSON", {"Input": "{"}),
    ],
)
def test_a_target_that_would_not_be_started_as_it_says_is_refused(
    lambdas: Lambdas, words: str, more: dict[str, Any]
) -> None:
    lambdas.rule("PutRule", **MINUTE)
    with refused(BAD, words):
        lambdas.rule("PutTargets", Rule="sweep", Targets=[target(), {**target(target_id="2"), **more}])
    assert lambdas.rules.rows["sweep"]["targets"] == {}
    assert lambdas.followers.followed == {}


def test_a_rule_has_five_targets(lambdas: Lambdas) -> None:
    scheduled(lambdas, *(target(target_id=str(number)) for number in range(5)))
    with refused("LimitExceededException", "5"):
        lambdas.rule("PutTargets", Rule="sweep", Targets=[target(target_id="more")])


def test_the_default_bus_may_be_named(lambdas: Lambdas) -> None:
    bus = {"EventBusName": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"}
    lambdas.rule("PutRule", **MINUTE, **bus)
    assert lambdas.rule("DescribeRule", Name="sweep", EventBusName="default")["Arn"] == RULE


def test_a_rule_is_deleted_when_it_has_no_targets(lambdas: Lambdas) -> None:
    scheduled(lambdas)
    with refused(BAD, "has targets"):
        lambdas.rule("DeleteRule", Name="sweep")
    lambdas.rule("RemoveTargets", Rule="sweep", Ids=["1"])
    lambdas.rule("DeleteRule", Name="sweep")
    lambdas.rule("DeleteRule", Name="sweep")
    for operation, more in (
        ("DescribeRule", {"Name": "sweep"}),
        ("PutTargets", {"Rule": "sweep", "Targets": [target()]}),
    ):
        with refused(GONE, "Rule sweep does not exist", 400):
            lambdas.rule(operation, **more)
    for arn in (RULE, RULE.replace("us-east-1", "eu-west-1")):
        with refused(GONE, status=400):
            lambdas.rule("ListTagsForResource", ResourceARN=arn)


def test_lists_have_pages(lambdas: Lambdas) -> None:
    for name in ("a1", "a2", "b1"):
        lambdas.rule("PutRule", Name=name, ScheduleExpression="rate(5 minutes)")
        lambdas.rule("PutTargets", Rule=name, Targets=[target(target_id=str(number)) for number in range(3)])

    def pages(operation: str, member: str, **asked: Any) -> list[list[Any]]:
        first = lambdas.rule(operation, Limit=2, **asked)
        second = lambdas.rule(operation, Limit=2, NextToken=first["NextToken"], **asked)
        assert "NextToken" not in second
        return [first[member], second[member]]

    assert [[row["Name"] for row in page] for page in pages("ListRules", "Rules")] == [["a1", "a2"], ["b1"]]
    assert [row["Name"] for row in lambdas.rule("ListRules", NamePrefix="b")["Rules"]] == ["b1"]
    assert [len(page) for page in pages("ListTargetsByRule", "Targets", Rule="a1")] == [2, 1]
    assert pages("ListRuleNamesByTarget", "RuleNames", TargetArn=f"{ARN}f") == [["a1", "a2"], ["b1"]]
    assert lambdas.rule("ListRuleNamesByTarget", TargetArn=f"{ARN}g") == {"RuleNames": []}
    with refused(BAD, "NextToken"):
        lambdas.rule("ListRules", NextToken="x")


def test_after_a_restart_the_same_is_started(lambdas: Lambdas) -> None:
    scheduled(lambdas)
    lambdas.rule("PutRule", Name="off", ScheduleExpression="rate(1 day)", State="DISABLED")
    again = Lambdas(lambdas.folder)
    assert again.followers.followed == lambdas.followers.followed
    assert again.rule("ListRules") == lambdas.rule("ListRules")
