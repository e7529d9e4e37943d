"""The integration: what functions may answer, how they may fail, and how long they may take.

Sources: API Gateway developer guide: set-up-lambda-proxy-integrations, "Output format"; api-gateway-execution-service-limits-table (the
integration's timeout); handle-errors-in-lambda-integration.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.doubles.gateway import Outcome, Rig, TooManyRequests, UnknownFunction, header, message


def answered(rig: Rig, answer: Any, **more: Any) -> Any:
    rig.functions.handler = lambda _: answer
    return rig.ask("GET", "/open", **more)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"statusCode": 200}, 200, b""),
        ({"statusCode": "201", "body": None}, 201, b""),
        ({"statusCode": 404, "body": "gone é"}, 404, "gone é".encode()),
        ({"statusCode": 200, "body": "YQ==", "isBase64Encoded": False}, 200, b"YQ=="),
        ({"statusCode": 200, "body": "YQ==", "isBase64Encoded": True}, 200, b"YQ=="),
        ({"statusCode": 500, "body": "mine"}, 500, b"mine"),
    ],
)
def test_answers(rig: Rig, answer: object, status: int, body: bytes) -> None:
    reply = answered(rig, answer)
    assert (reply.status, reply.body) == (status, body)
    assert header(reply, "content-type") == "application/json"
    assert header(reply, "x-amzn-ErrorType") is None


def test_binary_answers_are_decoded_for_those_who_accept_them(rig: Rig) -> None:
    reply = answered(
        rig, {"statusCode": 200, "body": "iVBORw==", "isBase64Encoded": True}, headers={"Accept": "image/png, */*"}
    )
    assert reply.body == b"\x89PNG"


def test_headers_of_answers(rig: Rig) -> None:
    reply = answered(
        rig,
        {
            "statusCode": 200,
            "headers": {"ETag": '"1"', "X-Flag": True, "Set-Cookie": "lost=1", "Date": "then", "Connection": "close"},
            "multiValueHeaders": {"set-cookie": ["a=1", "b=2"], "WWW-Authenticate": ["Basic"]},
        },
    )
    assert reply.headers[:-3] == [
        ("ETag", '"1"'),
        ("X-Flag", "true"),
        ("x-amzn-Remapped-Date", "then"),
        ("x-amzn-Remapped-Connection", "close"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-amzn-Remapped-WWW-Authenticate", "Basic"),
        ("Content-Type", "application/json"),
    ]


MALFORMED: list[object] = [
    None,
    [],
    "text",
    200,
    {},
    {"body": "x"},
    {"statusCode": None},
    {"statusCode": True},
    {"statusCode": 20.5},
    {"statusCode": "abc"},
    {"statusCode": 99},
    {"statusCode": 600},
    {"statusCode": 200, "body": {"a": 1}},
    {"statusCode": 200, "body": 1},
    {"statusCode": 200, "isBase64Encoded": "true"},
    {"statusCode": 200, "more": 1},
    {"statusCode": 200, "headers": []},
    {"statusCode": 200, "headers": {"a": 1}},
    {"statusCode": 200, "headers": {"a": None}},
    {"statusCode": 200, "headers": {"a b": "c"}},
    {"statusCode": 200, "headers": {"": "c"}},
    {"statusCode": 200, "headers": {"a": "b\r\nSet-Cookie: c"}},
    {"statusCode": 200, "headers": {"a": "\u20ac"}},
    {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
    {"statusCode": 200, "multiValueHeaders": {"a": [1]}},
    Outcome(b""),
    Outcome(b"{"),
    Outcome(b"\xff"),
    Outcome(b'{"statusCode": 200, "body": "' + b"x" * 6_291_456 + b'"}'),
]


@pytest.mark.parametrize("answer", MALFORMED)
def test_a_malformed_answer_is_502(rig: Rig, answer: object) -> None:
    reply = answered(rig, answer)
    assert (reply.status, message(reply)) == (502, "Internal server error")
    assert header(reply, "x-amzn-ErrorType") == "InternalServerErrorException"


def test_a_failed_function_is_502_without_its_text(rig: Rig) -> None:
    reply = answered(rig, Outcome(b'{"errorMessage":"secret","errorType":"KeyError","stackTrace":[]}', "Unhandled"))
    assert (reply.status, message(reply)) == (502, "Internal server error")
    assert b"secret" not in reply.body


@pytest.mark.parametrize("failure", [UnknownFunction, TooManyRequests, RuntimeError])
def test_an_invocation_that_lambda_refuses_is_500(
    rig: Rig, failure: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> object:
        raise failure("secret")

    rig.functions.handler = refuse
    reply = rig.ask("GET", "/open")
    assert (reply.status, message(reply)) == (500, "Internal server error")
    # A bug is told to the terminal, what Lambda refuses is not one.
    assert ("secret" in capsys.readouterr().err) == (failure is RuntimeError)


def test_a_timeout_is_504_and_the_function_runs_on(rig: Rig) -> None:
    async def scenario() -> tuple[int, int, int]:
        go_on = asyncio.Event()

        async def slow() -> object:
            await go_on.wait()
            return {"statusCode": 200}

        rig.functions.handler = lambda _: slow()
        reply = await rig.call("GET", "/slow")
        assert message(reply) == "Endpoint request timed out"
        before = rig.functions.finished
        go_on.set()
        await asyncio.gather(*rig.gateway.integrations.running)
        return reply.status, before, rig.functions.finished

    assert asyncio.run(scenario()) == (504, 0, 1)


def test_what_still_runs_is_let_go_at_the_end(rig: Rig) -> None:
    async def scenario() -> None:
        rig.functions.handler = lambda _: asyncio.Event().wait()
        assert (await rig.call("GET", "/slow")).status == 504
        assert len(rig.gateway.integrations.running) == 1
        await rig.gateway.close()
        assert not rig.gateway.integrations.running

    asyncio.run(scenario())


def test_the_function_is_named_by_the_integration(rig: Rig) -> None:
    rig.ask("GET", "/open")
    assert rig.functions.names == ["sample-local-echo"]
