"""Who may invoke: the gateway and the clock, through the alias, for our API and our rules, and nobody else."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.deploy.course import take
from infra.deploy.sources_step import rule_arn
from tests.doubles.deploy_ground import ACCOUNT, API, FUNCTIONS, REGION, SCHEDULED, STAGE, Ground, is_mended

LIVE = {"FunctionName": FUNCTIONS["accounts"], "Qualifier": "live"}
CLOCK = {"FunctionName": FUNCTIONS["verifier"], "Qualifier": "live"}
INVOKE = "lambda:InvokeFunction"
GATEWAY = "apigateway.amazonaws.com"


def widened(aws: Any, **changes: Any) -> None:
    """The gateway's statement with another condition, action or principal under its name."""
    aws.remove_permission(**LIVE, StatementId="apigateway")
    source = {"SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*/*"} if "SourceArn" not in changes else {}
    aws.add_permission(
        **{**LIVE, "StatementId": "apigateway", "Action": INVOKE, "Principal": GATEWAY, **source, **changes}
    )


def added(aws: Any, place: dict[str, str], **changes: Any) -> None:
    aws.add_permission(**{**place, "StatementId": "more", "Action": INVOKE, "Principal": GATEWAY, **changes})


def on_another_alias(aws: Any) -> None:
    """An alias that nobody knows, and everybody may invoke."""
    aws.create_alias(FunctionName=LIVE["FunctionName"], Name="side", FunctionVersion="1")
    added(aws, {**LIVE, "Qualifier": "side"}, Principal="*")


DRIFT: dict[str, tuple[Callable[[Any], object], str]] = {
    "removed": (lambda aws: aws.remove_permission(**LIVE, StatementId="apigateway"), "accounts:live is missing"),
    "of every API": (widened, "accounts:live: apigateway: Condition: ArnLike: AWS:SourceArn is 'arn:aws:execute-api"),
    "of another action": (
        lambda aws: widened(aws, Action="lambda:*"),
        "accounts:live: apigateway: Action is 'lambda:*'",
    ),
    "of everybody": (lambda aws: widened(aws, Principal="*"), "accounts:live: apigateway: Principal"),
    "added for everybody": (lambda aws: added(aws, LIVE, Principal="*"), "accounts:live: more is there"),
    "added for an account": (lambda aws: added(aws, LIVE, Principal="210987654321"), "accounts:live: more is there"),
    "added for a service": (
        lambda aws: added(aws, LIVE, Principal="s3.amazonaws.com"),
        "accounts:live: more is there",
    ),
    "added for another action": (
        lambda aws: added(aws, LIVE, Action="lambda:InvokeFunctionUrl", Principal="*"),
        "accounts:live: more is there",
    ),
    "on the function itself": (
        lambda aws: added(aws, {"FunctionName": LIVE["FunctionName"]}, Principal="*"),
        "permissions: accounts is there",
    ),
    "on another alias": (on_another_alias, "permissions: accounts:side is there"),
    "on a function that nobody may invoke": (
        lambda aws: added(aws, {"FunctionName": FUNCTIONS["projections"], "Qualifier": "live"}),
        "permissions: projections:live is there",
    ),
    "of the clock removed": (
        lambda aws: aws.remove_permission(**CLOCK, StatementId="events"),
        "verifier:live is missing",
    ),
    "of another rule": (
        lambda aws: added(
            aws, CLOCK, Principal="events.amazonaws.com", SourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/x"
        ),
        "verifier:live: more is there",
    ),
}


@pytest.fixture
def deployed(mocked: Ground) -> Ground:
    """Functions and what starts them; a test leaves them equal."""
    if mocked.stands != "functions" or mocked.permissions().differences():
        mocked.again()
    return mocked


@pytest.mark.parametrize("kind", list(DRIFT))
def test_what_was_done_to_a_policy_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = DRIFT[kind]
    tampering(deployed.aws("lambda"))
    is_mended(deployed, deployed.permissions(), words)


def test_each_source_is_one_stage_of_one_api_or_one_rule(deployed: Ground) -> None:
    (api,) = deployed.gateway.get_rest_apis()["items"]
    assert api["name"] == API
    wanted = deployed.permissions()._wanted()
    sources = {
        place: row["Condition"]["ArnLike"]["AWS:SourceArn"] for place, rows in wanted.items() for row in rows.values()
    }
    assert sources == {
        "accounts:live": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['id']}/{STAGE}/*",
        **{f"{one}:live": rule_arn(deployed.account, STAGE, one) for one in SCHEDULED},
    }


def test_an_empty_account_lacks_them_all(ground: Ground) -> None:
    assert ground.permissions().differences() == [
        f"permissions: {name}:live is missing" for name in ("accounts", *SCHEDULED)
    ]
    assert ground.permissions().destroy() == []


def test_another_api_takes_the_place_of_one_that_is_gone(deployed: Ground) -> None:
    take([deployed.permissions()])
    deployed.stands = ""
    deployed.shell().destroy()
    take([deployed.shell()])
    is_mended(deployed, deployed.permissions(), "accounts:live: apigateway: Condition: ArnLike: AWS:SourceArn")
