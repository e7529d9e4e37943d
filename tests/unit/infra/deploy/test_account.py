"""AWS as it is on a busy day: it throttles, is in the middle of another change, or has not heard of a role yet."""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from infra.deploy.account import Account, wait_seconds
from tests.doubles.deploy_ground import ACCOUNT, ENVIRONMENT, REGION, package

Call = tuple[str, str, dict[str, Any]]

CREATE_API: Call = ("apigateway", "create_resource", {"restApiId": "a", "parentId": "b", "pathPart": "c"})
PUBLISH: Call = ("lambda", "publish_version", {"FunctionName": "f"})
MAPPING: Call = ("lambda", "create_event_source_mapping", {"FunctionName": "f", "EventSourceArn": "arn:aws:x:y:z:a:b"})
FUNCTION: Call = (
    "lambda",
    "create_function",
    {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/f", "Code": {"ZipFile": package("")}},
)
BACKUPS: Call = (
    "dynamodb",
    "update_continuous_backups",
    {"TableName": "t-1", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
)
QUEUE: Call = ("sqs", "create_queue", {"QueueName": "q"})
RULE: Call = ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(1 hour)"})

PASSING: dict[str, tuple[Call, int, str, str]] = {
    "throttled by API Gateway": (CREATE_API, 429, "TooManyRequestsException", "Too Many Requests"),
    "another change of the API": (
        CREATE_API, 409, "ConflictException",
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ),
    "throttled by Lambda": (PUBLISH, 429, "TooManyRequestsException", "Rate exceeded"),
    "an update of the function": (
        PUBLISH, 409, "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn",
    ),
    "a function that is being made": (
        PUBLISH, 409, "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    ),
    "a mapping that is being changed": (MAPPING, 400, "ResourceInUseException", "Cannot update the event source mapping because it is in use."),
    "a role that Lambda has not heard of": (
        FUNCTION, 400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.",
    ),
    "a policy that Lambda has not heard of": (
        MAPPING, 400, "InvalidParameterValueException",
        "Cannot access stream arn. Please ensure the role can perform the GetRecords Actions on your stream in IAM.",
    ),
    "another change of the rule": (RULE, 400, "ConcurrentModificationException", "modified concurrently"),
    "a table that was made just now": (
        BACKUPS, 400, "ContinuousBackupsUnavailableException", "Backups are being enabled for the table: t-1. Please retry later",
    ),
    "a queue of the same name, just deleted": (
        QUEUE, 400, "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ),
    "the same, in JSON": (QUEUE, 400, "QueueDeletedRecently", "You must wait 60 seconds after deleting a queue."),
    "a moment of trouble": (CREATE_API, 503, "ServiceUnavailableException", "try later"),
}  # fmt: skip

LASTING: dict[str, tuple[Call, int, str, str]] = {
    "a name that is taken": (
        CREATE_API,
        409,
        "ConflictException",
        "Another resource with the same parent already has this name: c",
    ),
    "what is in use": (CREATE_API, 409, "ConflictException", "Cannot delete Model 'm', is referenced in GET /a"),
    "a mapping that is there": (MAPPING, 409, "ResourceConflictException", "An event source mapping already exists."),
    "a table that is there": (MAPPING, 400, "ResourceInUseException", "Table already exists: t"),
    "a parameter": (MAPPING, 400, "InvalidParameterValueException", "Unrecognized event source"),
    "no access": (CREATE_API, 403, "AccessDeniedException", "not authorized"),
}


class Script:
    """What a client hears instead of AWS, answer after answer; the last one again and again."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, request: Any, **_more: Any) -> AWSResponse:
        status, code, said = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        body = {"message": said, "Message": said, "__type": code} if code else {}
        return AWSResponse(request.url, status, {"x-amzn-ErrorType": code} if code else {}, _Raw(json.dumps(body)))


class _Raw:
    """A body as urllib3 has it."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def stream(self, **_more: Any) -> Iterator[bytes]:
        yield self.text


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One for all tests: to make a client takes longer than any test of it."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [one for one in os.environ if one.startswith("AWS_")]:
            patched.delenv(name)
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        patched.setattr(boto3, "DEFAULT_SESSION", None)
        yield Account(ACCOUNT, REGION)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited for, in no time."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    limiter = "botocore.retries.adaptive.ClientRateLimiter.on_sending_request"
    monkeypatch.setattr(limiter, lambda *_args, **_more: None)  # the same, before a call
    return waited


def asked(account: Account, call: Call, *answers: tuple[int, str, str]) -> Script:
    service, operation, arguments = call
    script, client = Script(*answers), account.client(service)
    event = f"before-send.{client.meta.service_model.service_id.hyphenize()}"
    client.meta.events.register_first(event, script)
    try:
        getattr(client, operation)(**arguments)
    finally:
        client.meta.events.unregister(event, script)
    return script


@pytest.mark.parametrize("kind", list(PASSING))
def test_what_passes_by_itself_is_waited_for(account: Account, waits: list[float], kind: str) -> None:
    call, status, code, said = PASSING[kind]
    script = asked(account, call, (status, code, said), (status, code, said), (200, "", ""))
    assert script.asked == 3
    assert len(waits) >= 2


@pytest.mark.parametrize("kind", list(LASTING))
def test_what_does_not_pass_is_said_at_once(account: Account, waits: list[float], kind: str) -> None:
    call, status, code, said = LASTING[kind]
    with pytest.raises(ClientError, match=code):
        asked(account, call, (status, code, said), (200, "", ""))
    assert not waits


def test_the_wait_grows_and_has_an_end() -> None:
    refused = (None, {"Error": {"Code": "ResourceConflictException", "Message": "An update is in progress"}})
    waited = [wait_seconds(refused, attempt) for attempt in range(1, 10)]
    assert waited == [1, 2, 4, 8, 15, 15, 15, 15, None]
    assert wait_seconds(None, 1) is None, "nothing was heard at all: botocore's own business"
    assert wait_seconds((None, {}), 1) is None


def test_the_waits_outlast_a_name_that_sqs_holds_for_a_minute() -> None:
    refused = (None, {"Error": {"Code": "QueueDeletedRecently", "Message": "You must wait 60 seconds"}})
    assert sum(wait_seconds(refused, attempt) or 0 for attempt in range(1, 10)) > 60


def test_another_change_of_a_bucket_passes() -> None:
    """S3 speaks XML, which the script above does not."""
    refused = (None, {"Error": {"Code": "OperationAborted", "Message": "A conflicting conditional operation"}})
    assert wait_seconds(refused, 1) == 1


def test_a_client_is_made_once_and_learns(account: Account) -> None:
    assert account.client("iam") is account.client("iam")
    assert account.client("iam").meta.config.retries["mode"] == "adaptive"
    assert Account(ACCOUNT, REGION) == account


def test_an_account_is_aws_unless_an_endpoint_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.is_aws
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    assert not account.is_aws
