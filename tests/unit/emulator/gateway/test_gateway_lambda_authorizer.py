"""Lambda authorizers: when the function is asked, what it is told, what its answer is worth and for how long.

Sources: API Gateway developer guide: apigateway-use-lambda-authorizer, api-gateway-lambda-authorizer-input and -output.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from emulator.gateway.context import Reply
from tests.doubles.gateway import (
    HERE,
    FakeFunctions,
    Outcome,
    Rig,
    Ruled,
    TooManyRequests,
    UnknownFunction,
    failed,
    header,
    message,
    read_deployment,
    ruling,
    statement,
)

ARN = "arn:aws:execute-api:us-east-1:123456789012:sample0000/local"
GOOD = {"X-Token": "good"}


@pytest.fixture
def ruled() -> Ruled:
    return Ruled()


@pytest.fixture
def rig(tmp_path: Path, ruled: Ruled) -> Rig:
    deployment = read_deployment(HERE / "gateway_authorizers.yaml", HERE / "gateway_authorizers_stages.yaml")
    return Rig(tmp_path, deployment, functions=FakeFunctions(ruled))


def summary(reply: Reply) -> tuple[int, str | None, Any]:
    return reply.status, header(reply, "x-amzn-ErrorType"), message(reply)


def logged(rig: Rig) -> list[str]:
    rig.gateway.access_log.flush()
    return b"".join(rig.log).decode().splitlines()[-1].split("|")


# --- what it is told ----------------------------------------------------------------------------------------


def test_the_event_of_token_is_type_arn_and_token(rig: Rig, ruled: Ruled) -> None:
    """api-gateway-lambda-authorizer-input, "TOKEN input format"."""
    assert rig.ask("GET", "/token", headers=GOOD).status == 200
    assert ruled.asked == [{"type": "TOKEN", "authorizationToken": "good", "methodArn": f"{ARN}/GET/token"}]
    assert rig.functions.names == ["rule", "echo"]


def test_the_event_of_request_is_the_request_without_its_body(rig: Rig, ruled: Ruled) -> None:
    """api-gateway-lambda-authorizer-input, "REQUEST input format"."""
    headers = GOOD | {"x-api-key": "mine", "User-Agent": "curl/8"}
    assert rig.ask("GET", "/request/a%20b?who=me&who=you", headers=headers, body=b"secret").status == 200
    (event,) = ruled.asked
    context = event.pop("requestContext")
    given = event.pop("headers")
    assert {name: given[name] for name in ("X-Token", "x-api-key", "X-Forwarded-For")} == {
        "X-Token": "good",
        "x-api-key": "mine",
        "X-Forwarded-For": "127.0.0.9",
    }
    assert event.pop("multiValueHeaders")["X-Token"] == ["good"]
    assert event == {
        "type": "REQUEST",
        "methodArn": f"{ARN}/GET/request/a b",
        "resource": "/request/{id}",
        "path": "/request/a%20b",
        "httpMethod": "GET",
        "queryStringParameters": {"who": "you"},
        "multiValueQueryStringParameters": {"who": ["me", "you"]},
        "pathParameters": {"id": "a b"},
        "stageVariables": {"tier": "gold"},
    }
    assert {name: context[name] for name in ("accountId", "apiId", "stage", "resourcePath", "httpMethod")} == {
        "accountId": "123456789012",
        "apiId": "sample0000",
        "stage": "local",
        "resourcePath": "/request/{id}",
        "httpMethod": "GET",
    }
    assert (context["operationName"], context["path"]) == ("request.get", "/request/a%20b")
    assert (context["identity"]["apiKey"], context["identity"]["sourceIp"]) == ("mine", "127.0.0.9")
    assert "authorizer" not in context


def test_what_a_request_lacks_is_an_empty_object(rig: Rig, ruled: Ruled) -> None:
    assert rig.ask("GET", "/no-sources").status == 200
    (event,) = ruled.asked
    assert (event["queryStringParameters"], event["pathParameters"]) == ({}, {})


# --- identity sources ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/token", {}),
        ("/token", {"X-Token": ""}),
        ("/token", {"Authorization": "good"}),
        ("/header-of-scheme", GOOD),
        ("/uncached", {}),
        ("/request/1?who=me", {}),
        ("/request/1", GOOD),
        ("/request/1?who=", GOOD),
        ("/request/1?who=me&who=", GOOD),
        ("/missing-variable", GOOD),
    ],
)
def test_a_missing_or_empty_identity_source_is_401_without_a_call(
    rig: Rig, ruled: Ruled, target: str, headers: dict[str, str]
) -> None:
    """API CreateAuthorizer, identitySource: they are "present, not null and non-empty", or it is a 401."""
    assert summary(rig.ask("GET", target, headers=headers)) == (401, "UnauthorizedException", "Unauthorized")
    assert ruled.asked == []
    assert logged(rig)[3:] == ["401", "-", "an identity source is missing"]


@pytest.mark.parametrize(("token", "status"), [("good", 200), ("good again", 200), ("Good", 401), ("good x", 401)])
def test_a_token_that_does_not_match_is_401_without_a_call(rig: Rig, ruled: Ruled, token: str, status: int) -> None:
    """API CreateAuthorizer, identityValidationExpression: otherwise "a 401 Unauthorized response"."""
    assert rig.ask("GET", "/token", headers={"X-Token": token}).status == status
    assert len(ruled.asked) == (status == 200)


def test_without_an_identity_source_the_header_of_the_scheme_is_the_token(rig: Rig, ruled: Ruled) -> None:
    """x-amazon-apigateway-authorizer, first example."""
    assert rig.ask("GET", "/header-of-scheme", headers={"Authorization": "any thing"}).status == 200
    assert ruled.asked[0]["authorizationToken"] == "any thing"


# --- what it answers ----------------------------------------------------------------------------------------


def test_a_deny_and_no_allow_are_403_each_in_its_words(rig: Rig, ruled: Ruled) -> None:
    """ACCESS_DENIED: "the gateway response for authorization failure", 403."""
    ruled.answer = lambda _: ruling(statement(), statement("Deny"))
    reply = rig.ask("GET", "/token", headers=GOOD)
    assert summary(reply) == (
        403,
        "AccessDeniedException",
        "User is not authorized to access this resource with an explicit deny",
    )
    assert header(reply, "x-principal") == "caller-1"
    ruled.answer = lambda _: ruling(statement(resource=f"{ARN}/POST/*"))
    reply = rig.ask("GET", "/token", headers={"X-Token": "other"})
    assert summary(reply)[2] == "User is not authorized to access this resource"
    assert logged(rig) == ["caller-1", "-", "-", "403", "0", "the policy does not allow it"]
    assert "echo" not in rig.functions.names


def test_unauthorized_is_401_and_not_remembered(rig: Rig, ruled: Ruled) -> None:
    """apigateway-use-lambda-authorizer: `raise Exception('Unauthorized')`, "Return a 401 Unauthorized response"."""
    ruled.answer = lambda _: failed("Unauthorized")
    for _ in range(2):
        assert summary(rig.ask("GET", "/token", headers=GOOD)) == (401, "UnauthorizedException", "Unauthorized")
    assert len(ruled.asked) == 2


@pytest.mark.parametrize(
    "answer", [failed("unauthorized"), failed("Unauthorized: no"), failed(""), Outcome(b"[", "Unhandled")]
)
def test_another_failure_is_500_with_a_null_message(rig: Rig, ruled: Ruled, answer: Outcome) -> None:
    """AUTHORIZER_FAILURE, 500; `{"message": null}` as in auth0-samples/jwt-rsa-aws-custom-authorizer#6."""
    ruled.answer = lambda _: answer
    reply = rig.ask("GET", "/token", headers=GOOD)
    assert summary(reply) == (500, "AuthorizerFailureException", None)
    assert logged(rig)[3:] == ["500", "-", "the authorizer failed"]


MALFORMED: dict[str, Any] = {
    "null": None,
    "a list": [ruling()],
    "no JSON": Outcome(b"{"),
    "proxy answer": {"statusCode": 401, "body": ""},
    "no principal": {key: value for key, value in ruling().items() if key != "principalId"},
    "empty principal": ruling() | {"principalId": ""},
    "principal a number": ruling() | {"principalId": 7},
    "no policy": {"principalId": "a"},
    "policy as text": ruling() | {"policyDocument": orjson.dumps(ruling()["policyDocument"]).decode()},
    "unknown condition": ruling(statement(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})),
    "context a list": ruling(context=[]),
    "context with an object": ruling(context={"a": {}}),
    "context with a list": ruling(context={"a": []}),
    "context with null": ruling(context={"a": None}),
    "usage key a number": ruling(usageIdentifierKey=1),
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_answer_is_500_said_on_the_terminal_and_not_remembered(
    rig: Rig, ruled: Ruled, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """AUTHORIZER_CONFIGURATION_ERROR, 500; "you cannot set a JSON object or array" in the context."""
    ruled.answer = lambda _: answer
    for _ in range(2):
        assert summary(rig.ask("GET", "/token", headers=GOOD)) == (500, "AuthorizerConfigurationException", None)
    assert len(ruled.asked) == 2
    assert capsys.readouterr().err.count("rule: not an authorizer's answer: ") == 2


@pytest.mark.parametrize("refusal", [UnknownFunction, TooManyRequests])
def test_a_function_that_cannot_be_called_is_500(rig: Rig, ruled: Ruled, refusal: type[Exception]) -> None:
    """AUTHORIZER_CONFIGURATION_ERROR: "failing to connect to a custom or Amazon Cognito authorizer"."""

    def refuse(_: dict[str, Any]) -> Any:
        raise refusal

    ruled.answer = refuse
    assert summary(rig.ask("GET", "/token", headers=GOOD))[:2] == (500, "AuthorizerConfigurationException")
    assert refusal.__name__ in logged(rig)[5]


def test_an_authorizer_that_takes_too_long_is_500_and_runs_on(rig: Rig, ruled: Ruled) -> None:
    async def story() -> None:
        go = asyncio.Event()

        async def late() -> Any:
            await go.wait()
            return ruling()

        ruled.answer = lambda _: late()
        rig.gateway.lambda_authorizers.timeout_seconds = 0.01
        assert summary(await rig.call("GET", "/token", headers=GOOD))[:2] == (500, "AuthorizerFailureException")
        (running,) = rig.gateway.lambda_authorizers.running
        go.set()
        await running
        assert rig.functions.finished == 1
        await asyncio.sleep(0)
        assert not rig.gateway.lambda_authorizers.running

    asyncio.run(story())


def test_context_and_principal_reach_the_function_and_the_log_as_text(rig: Rig, ruled: Ruled) -> None:
    """api-gateway-lambda-authorizer-output: "value", "1", "true"; "the returned values are all stringified"."""
    values = {"plan": "gold é", "level": 1, "share": 1.5, "admin": True, "principalId": "other"}
    ruled.answer = lambda _: ruling(context=values)
    event = rig.event("GET", "/token", headers=GOOD)
    assert event["requestContext"]["authorizer"] == {
        "plan": "gold é",
        "level": "1",
        "share": "1.5",
        "admin": "true",
        "principalId": "caller-1",
        "integrationLatency": 0,
    }
    assert logged(rig) == ["caller-1", "gold é", "1", "200", "0", "-"]


def test_an_arn_beyond_1600_bytes_is_414(rig: Rig, ruled: Ruled) -> None:
    """api-gateway-lambda-authorizer-output: "the maximum length is 1600 bytes ... 414 Request URI too long"."""
    room = 1_600 - len(f"{ARN}/GET/files/")
    assert rig.ask("GET", "/files/" + "a" * room, headers=GOOD).status == 200
    reply = rig.ask("GET", "/files/" + "a" * (room + 1), headers={"X-Token": "new"})
    assert (reply.status, message(reply)) == (414, "Request URI too long")
    assert len(ruled.asked) == 1


def test_a_second_spelling_of_a_path_does_not_evade_a_deny(rig: Rig, ruled: Ruled) -> None:
    """F28: the route authorised is the route executed."""
    ruled.answer = lambda _: ruling(statement(), statement("Deny", "*/files/secret/*"))
    for path in ("/files/secret/a", "/files/%73ecret/a", "/files/secre%74/a"):
        assert rig.ask("GET", path, headers=GOOD).status == 403


def test_a_condition_on_the_source_address_decides(rig: Rig, ruled: Ruled) -> None:
    ruled.answer = lambda _: ruling(statement(Condition={"IpAddress": {"aws:SourceIp": "127.0.0.8/31"}}))
    assert rig.ask("GET", "/token", headers=GOOD).status == 200
    ruled.answer = lambda _: ruling(statement(Condition={"NotIpAddress": {"aws:SourceIp": "127.0.0.8/31"}}))
    assert rig.ask("GET", "/token", headers={"X-Token": "other"}).status == 403


# --- keys ---------------------------------------------------------------------------------------------------


def test_the_key_is_the_authorizer_s(rig: Rig, ruled: Ruled) -> None:
    """api-gateway-lambda-authorizer-output: "must return one of the usage plan's API keys as ... usageIdentifierKey"."""
    ruled.answer = lambda _: ruling(usageIdentifierKey="small-value")
    identity = rig.event("GET", "/keyed", headers=GOOD)["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == ("small-value", "key-small")
    statuses = [rig.ask("GET", "/keyed", headers=GOOD).status for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]


@pytest.mark.parametrize("more", [{}, {"usageIdentifierKey": None}, {"usageIdentifierKey": "nobody's"}])
def test_without_a_key_from_the_authorizer_it_is_403_whatever_the_header_says(
    rig: Rig, ruled: Ruled, more: dict[str, Any]
) -> None:
    ruled.answer = lambda _: ruling(**more)
    reply = rig.ask("GET", "/keyed", headers=GOOD | {"x-api-key": "free-value"})
    assert summary(reply) == (403, "ForbiddenException", "Forbidden")
    assert rig.ask("GET", "/token", headers=GOOD).status == 200
