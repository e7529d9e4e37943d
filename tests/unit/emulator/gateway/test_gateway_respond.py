"""What the definition writes: gateway responses, mocks, the access log; and the headers on every answer.

Sources: API Gateway developer guide: supported-gateway-response-types, api-gateway-gatewayResponse-definition,
how-to-mock-integration and api-gateway-variables-for-access-logging.
"""

from __future__ import annotations

import asyncio
import re

import orjson
import pytest

from emulator.definition import Api, GatewayResponse
from emulator.gateway.context import Exchange, Headers, Ids, Request
from emulator.gateway.errors import KINDS, Refusal
from emulator.gateway.respond import Refusals
from emulator.gateway.variables import Variables
from tests.doubles.gateway import START, Rig, claims, header, mint, read_deployment, signed


def exchange() -> Exchange:
    found = Exchange(Request("GET", '/a"b', b"", [], b"", "::1"), Ids("id-1", "x=", "Root=1-a"), START, 0)
    found.headers = Headers({}, {}, {"accept": "*/*", "user-agent": "a\r\nb"})
    return found


def render(responses: dict[str, GatewayResponse], refusal: Refusal) -> tuple[int, dict[str, str], str]:
    variables = Variables.of(read_deployment())
    reply = Refusals.of(Api("t", (), responses), variables).render(refusal, exchange())
    return reply.status, dict(reply.headers), reply.body.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_has_aws_s_default(kind: str) -> None:
    status, headers, body = render({}, Refusal(kind))
    assert (status, orjson.loads(body)) == (KINDS[kind].status, {"message": KINDS[kind].message})
    assert headers == {"Content-Type": "application/json", "x-amzn-ErrorType": KINDS[kind].error_type}


def test_the_definition_s_default_stands_in_for_the_types_of_its_class() -> None:
    responses = {"DEFAULT_4XX": GatewayResponse(None, {"A": "'b'"}, {}), "DEFAULT_5XX": GatewayResponse(503, {}, {})}
    assert render(responses, Refusal("THROTTLED"))[:2] == (
        429,
        {"A": "b", "Content-Type": "application/json", "x-amzn-ErrorType": "TooManyRequestsException"},
    )
    assert render(responses, Refusal("INTEGRATION_FAILURE", status=502))[0] == 503


def test_a_type_of_its_own_comes_before_the_default() -> None:
    responses = {"DEFAULT_4XX": GatewayResponse(418, {}, {}), "THROTTLED": GatewayResponse(None, {}, {})}
    assert render(responses, Refusal("THROTTLED"))[0] == 429


def test_headers_are_mapped_and_made_safe() -> None:
    mapped = {
        "A": "'quoted'",
        "B": "context.requestId",
        "C": "method.request.header.Accept",
        "D": "method.request.header.Missing",
        "E": "context.identity.userAgent",
    }
    headers = render({"THROTTLED": GatewayResponse(None, mapped, {})}, Refusal("THROTTLED"))[1]
    assert {name: headers.get(name) for name in mapped} == {
        "A": "quoted",
        "B": "id-1",
        "C": "*/*",
        "D": None,
        "E": "a??b",
    }


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$context.error.messageString", '"Too \\"Many\\""'),
        ("$context.error.message", 'Too \\"Many\\"'),
        ("${context.requestId}x $context.requestId.", "id-1x id-1."),
        ("$!context.nothing|$context.nothing|$context.", "||$context."),
        ('"$context.path"', '"/a\\"b"'),
        ("$context.error.responseType $context.status $context.stage", "THROTTLED 429 local"),
        ("$context.requestTimeEpoch", str(START)),
        ("$context.authorizer.claims.sub", ""),
        ("plain", "plain"),
    ],
)
def test_templates(template: str, expected: str) -> None:
    responses = {"THROTTLED": GatewayResponse(None, {}, {"application/json": template})}
    assert render(responses, Refusal("THROTTLED", 'Too "Many"'))[2] == expected


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/plain", "text/plain"),
        ("text/html, text/plain;q=0.5", "text/plain"),
        ("*/*", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_template_that_is_accepted_is_taken(rig: Rig, accept: str, kind: str) -> None:
    variables = Variables.of(rig.deployment)
    response = GatewayResponse(None, {}, {"application/json": "{}", "text/plain": "no"})
    found = exchange()
    found.headers.lower["accept"] = accept
    reply = Refusals.of(Api("t", (), {"THROTTLED": response}), variables).render(Refusal("THROTTLED"), found)
    assert header(reply, "Content-Type") == kind


def test_every_answer_carries_the_gateway_s_headers(rig: Rig) -> None:
    for path in ("/open", "/nowhere", "/things/1"):
        reply = rig.ask("GET", path)
        assert re.fullmatch(r"[0-9a-f-]{36}", header(reply, "x-amzn-RequestId") or "")
        assert re.fullmatch(r"[0-9a-f]{15}=", header(reply, "x-amz-apigw-id") or "")
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", header(reply, "X-Amzn-Trace-Id") or "")


def test_a_mock_answers_by_itself(rig: Rig) -> None:
    reply = rig.ask("PUT", "/things")
    assert (reply.status, header(reply, "Allow")) == (405, "GET, POST")
    assert header(reply, "Content-Type") == "application/problem+json"
    body = orjson.loads(reply.body)
    assert body == {"status": 405, "instance": header(reply, "x-amzn-RequestId"), "path": "/things"}
    assert rig.functions.events == []


def test_a_mock_that_passes_nothing_through_wants_its_content_type(rig: Rig) -> None:
    assert rig.ask("PUT", "/things", headers={"Content-Type": "text/plain"}, body=b"x").status == 415


def lines(rig: Rig) -> list[str]:
    asyncio.run(rig.gateway.close())
    return b"".join(rig.log).decode().splitlines()


def test_one_line_per_request_in_the_format_of_the_stage(rig: Rig) -> None:
    rig.ask("GET", "/things/1", headers=signed(mint(claims(n={"a": "é"}))))
    rig.ask("GET", "/things/1")
    rig.ask("GET", "/nowhere")
    first, second, third = lines(rig)
    assert re.fullmatch(r'[0-9a-f-]{36} GET "/things/1" 200 key-free \{\\"a\\":\\"\\\\u00e9\\"\} -', first)
    assert second.endswith('GET "/things/1" 401 - - the identity source has no token')
    assert third.endswith('GET "/nowhere" 403 - - -')


def test_no_client_can_write_a_line_of_its_own(rig: Rig) -> None:
    rig.ask("GET", '/a"\r\nfake', headers={"User-Agent": "x\ny"})
    assert len(lines(rig)) == 1
    assert '"/a\\"\\r\\nfake"' in rig.log[0].decode()


def test_no_line_carries_the_token(rig: Rig) -> None:
    token = mint()
    rig.ask("GET", "/things/1", headers=signed(token))
    assert token.split(".")[2] not in lines(rig)[0]
