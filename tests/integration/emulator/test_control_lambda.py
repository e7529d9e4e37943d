"""boto3 deploys functions to this machine, and they run: versions, aliases, permissions, restarts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.doubles.deployed_api import LAMBDA
from tests.doubles.deployed_lambda import Deployed, deployed, until
from tests.doubles.gateway import ACCOUNT
from tests.doubles.lambda_planes import ARN, ROLE, zipped

WORD = "def handle(event, context):\n    return {word!r}\n"
PROXY = 'def handle(event, context):\n    return {"statusCode": 200, "body": context.function_version}\n'


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(tmp_path) as one:
        yield one


def word(text: str) -> str:
    return WORD.format(word=text)


# --- the life of a function ------------------------------------------------------------------------------------------


def test_from_the_first_zip_to_the_last(stand: Deployed) -> None:
    aws = stand.aws
    stand.function("f", word("one"))
    aws.get_waiter("function_active_v2").wait(FunctionName="f")
    assert stand.invoke("f") == "one"
    assert aws.publish_version(FunctionName="f")["Version"] == "1"
    aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    stand.code("f", word("two"))
    aws.get_waiter("function_updated_v2").wait(FunctionName="f")
    assert (stand.invoke("f"), stand.invoke("f:live")) == ("two", "one")
    assert aws.publish_version(FunctionName="f")["Version"] == "2"
    aws.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="2")
    aws.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert stand.invoke("f", Qualifier="live") == "two"
    aws.update_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert stand.invoke(f"{ARN}f:live") == "one"
    aws.delete_function(FunctionName="f")
    with pytest.raises(aws.exceptions.ResourceNotFoundException):
        stand.invoke("f:live")
    until(lambda: not stand.here.functions.pids())


def test_a_share_goes_to_the_new_version(stand: Deployed) -> None:
    stand.function("f", word("one"), Publish=True)
    stand.code("f", word("two"))
    stand.aws.publish_version(FunctionName="f")
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    drawn = iter([0.1, 0.3, 0.24, 0.9])
    stand.here.functions.chance = lambda: next(drawn)
    # Invoke draws once, and runs what was drawn.
    assert [stand.version("f:live") for _ in range(4)] == ["2", "1", "2", "1"]
    stand.aws.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert stand.version("f:live") == "1"


def test_an_event_in_flight_ends_where_it_began(stand: Deployed, tmp_path: Path) -> None:
    """The old code is there until its last event has ended, also for what is only imported then."""
    gate = tmp_path / "gate"
    slow = f"""
import os, time
def handle(event, context):
    open({str(gate)!r} + ".begun", "w").close()
    while not os.path.exists({str(gate)!r}):
        time.sleep(0.01)
    import late
    return late.WORD
"""
    aws = stand.aws
    code = {"ZipFile": zipped({"entry.py": slow, "late.py": "WORD = 'old'\n"})}
    stand.aws.create_function(
        FunctionName="f", Runtime="python3.11", Role=ROLE, Handler="entry.handle",
        Timeout=60, Code=code,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stand.invoke, "f")
        until(Path(f"{gate}.begun").exists)
        stand.code("f", word("new"))
        aws.update_function_configuration(FunctionName="f", Description="a change that collects code")
        assert stand.invoke("f") == "new"
        gate.touch()
        assert flying.result(60) == "old"
    folder = stand.folder / "deployed" / "code"

    def only_the_new_is_left() -> bool:
        aws.update_function_configuration(FunctionName="f", Description="again")
        return len(list(folder.iterdir())) == 1

    until(only_the_new_is_left)


def test_many_at_once_lose_nothing(stand: Deployed) -> None:
    stand.function("f", word("one"))
    stand.aws.publish_version(FunctionName="f")

    def add(number: int) -> None:
        stand.aws.create_alias(FunctionName="f", Name=f"a{number}", FunctionVersion="1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    pages = stand.aws.get_paginator("list_aliases").paginate(FunctionName="f", PaginationConfig={"PageSize": 10})
    assert Counter(row["Name"] for page in pages for row in page["Aliases"]) == {f"a{n}": 1 for n in range(24)}


def test_the_planes_change_while_functions_run(stand: Deployed, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    waits = f"import os, time\ndef handle(event, context):\n    while not os.path.exists({str(gate)!r}):\n        time.sleep(0.01)\n"
    stand.function("slow", waits)
    done = threading.Event()

    def call() -> None:
        stand.invoke("slow")
        done.set()

    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(call)
        stand.function("f", word("one"))
        assert stand.invoke("f") == "one"
        assert not done.is_set()
        gate.touch()
        flying.result(60)


def test_each_error_is_the_exception_that_boto3_knows(stand: Deployed) -> None:
    aws = stand.aws
    stand.function("f", word("one"))
    cases: list[tuple[str, int, Any]] = [
        ("ResourceNotFoundException", 404, lambda: aws.get_function(FunctionName="g")),
        ("ResourceConflictException", 409, lambda: stand.function("f", word("one"))),
        ("InvalidParameterValueException", 400, lambda: stand.function("g", word("one"), Layers=["arn"])),
        ("InvalidParameterValueException", 400, lambda: stand.function("g", word("one"), Architectures=["z80"])),
        ("PreconditionFailedException", 412, lambda: aws.publish_version(FunctionName="f", RevisionId="stale")),
    ]
    for code, status, call in cases:
        with pytest.raises(getattr(aws.exceptions, code)) as refused:
            call()
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    for operation in ("list_layers", "list_code_signing_configs"):
        with pytest.raises(ClientError, match="is not served here") as unserved:
            getattr(aws, operation)()
        assert unserved.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(stand.events.exceptions.ResourceNotFoundException):
        stand.events.describe_rule(Name="none")


# --- over a restart --------------------------------------------------------------------------------------------------


def test_after_a_restart_the_same_runs(tmp_path: Path) -> None:
    with deployed(tmp_path) as stand:
        stand.function("f", word("one"), Publish=True, Tags={"team": "a"})
        stand.code("f", word("two"))
        stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        stand.aws.put_function_event_invoke_config(FunctionName="f:live", MaximumRetryAttempts=0)
        before = told(stand.aws)
    with deployed(tmp_path) as again:
        assert told(again.aws) == before
        assert (again.invoke("f"), again.invoke("f:live")) == ("two", "one")
        again.aws.delete_function(FunctionName="f")
    with deployed(tmp_path) as last:
        assert last.aws.list_functions()["Functions"] == []
    assert list((tmp_path / "deployed" / "code").iterdir()) == []


def told(aws: Any) -> list[Any]:
    answers = [
        aws.list_functions(FunctionVersion="ALL"),
        aws.list_aliases(FunctionName="f"),
        aws.list_tags(Resource=f"{ARN}f"),
        aws.list_function_event_invoke_configs(FunctionName="f"),
        aws.list_event_source_mappings(),
    ]
    for answer in answers:
        del answer["ResponseMetadata"]
    return answers


# --- behind API Gateway ----------------------------------------------------------------------------------------------


def routed(stand: Deployed, function: str) -> str:
    """The id of an API with a function behind GET /a of stage s."""
    aws = stand.gateway
    api = aws.create_rest_api(name="api")
    resource = aws.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="a")["id"]
    at = {"restApiId": api["id"], "resourceId": resource, "httpMethod": "GET"}
    aws.put_method(**at, authorizationType="NONE")
    aws.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=LAMBDA.format(function))
    aws.create_deployment(restApiId=api["id"], stageName="s")
    api_id: str = api["id"]
    return api_id


def allow(stand: Deployed, function: str, source: str, **more: str) -> None:
    named = {"StatementId": "gateway", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    stand.aws.add_permission(FunctionName=function, **named, SourceArn=source, **more)


@pytest.mark.parametrize("qualifier", ["", "live"])
def test_the_gateway_invokes_who_lets_itself_be_invoked(stand: Deployed, qualifier: str) -> None:
    stand.function("f", PROXY, Publish=True)
    stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    api_id = routed(stand, f"f:{qualifier}" if qualifier else "f")
    named = {"Qualifier": qualifier} if qualifier else {}
    path, source = f"/_aws/execute-api/{api_id}/s/a", f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}"
    refused = stand.ask(path)
    assert (refused.status, refused.body) == (500, b'{"message":"Internal server error"}')
    allow(stand, "f", f"{source}/other/*", **named)
    assert stand.ask(path).status == 500
    stand.aws.remove_permission(FunctionName="f", StatementId="gateway", **named)
    allow(stand, "f", f"{source}/s/GET/a", **named)
    answer = stand.ask(path)
    assert (answer.status, answer.body) == (200, b"1" if qualifier else b"$LATEST")
    stand.aws.remove_permission(FunctionName="f", StatementId="gateway", **named)
    assert stand.ask(path).status == 500


def test_a_permission_of_the_function_is_none_of_its_alias(stand: Deployed) -> None:
    stand.function("f", PROXY, Publish=True)
    stand.aws.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    api_id = routed(stand, "f:live")
    allow(stand, "f", f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}/*")
    assert stand.ask(f"/_aws/execute-api/{api_id}/s/a").status == 500


JUDGE = """
def handle(event, context):
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


def test_an_authorizer_is_invoked_if_it_lets_itself_be_invoked(stand: Deployed) -> None:
    stand.function("f", PROXY)
    stand.function("judge", JUDGE)
    api_id = routed(stand, "f")
    source = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}"
    allow(stand, "f", f"{source}/*/GET/a")
    aws = stand.gateway
    authorizer = aws.create_authorizer(
        restApiId=api_id, name="judge", type="TOKEN", authorizerUri=LAMBDA.format("judge"),
        identitySource="method.request.header.Authorization",
    )["id"]  # fmt: skip
    resource = next(row["id"] for row in aws.get_resources(restApiId=api_id)["items"] if row["path"] == "/a")
    changes = [("/authorizationType", "CUSTOM"), ("/authorizerId", authorizer)]
    aws.update_method(
        restApiId=api_id, resourceId=resource, httpMethod="GET",
        patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in changes],
    )  # fmt: skip
    aws.create_deployment(restApiId=api_id, stageName="s")
    path, headers = f"/_aws/execute-api/{api_id}/s/a", {"Authorization": "x"}
    assert stand.ask(path, headers=headers).status == 500
    allow(stand, "judge", f"{source}/authorizers/{authorizer}")
    assert stand.ask(path, headers=headers).status == 200
