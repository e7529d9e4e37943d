"""A gateway's event as a value."""

from base64 import b64encode
from typing import Any

from chalicelib.web.request import read_event

EVENT: dict[str, Any] = {
    "resource": "/v1/accounts/{id}",
    "path": "/v1/accounts/acct_1",
    "httpMethod": "POST",
    "headers": {"If-Match": '"2"'},
    "multiValueHeaders": {"If-Match": ['"1"', '"2"'], "CONTENT-TYPE": ["application/json"]},
    "queryStringParameters": {"limit": "2"},
    "multiValueQueryStringParameters": {"limit": ["1", "2"]},
    "pathParameters": {"id": "acct_1"},
    "requestContext": {
        "requestId": "r1",
        "identity": {"apiKeyId": "key1"},
        "authorizer": {"claims": {"sub": "me"}},
    },
    "body": '{"a":"é"}',
    "isBase64Encoded": False,
}


def test_an_event() -> None:
    request = read_event(EVENT)
    assert (request.request_id, request.method, request.resource) == ("r1", "POST", "/v1/accounts/{id}")
    assert request.path_parameters == {"id": "acct_1"}
    assert request.query == {"limit": ("1", "2")}
    assert request.headers["if-match"] == ('"1"', '"2"')
    assert request.header("content-type") == "application/json"
    assert request.header("if-match") == '"2"'
    assert request.header("accept") is None
    assert request.body == '{"a":"é"}'.encode()
    assert request.claims == {"sub": "me"}
    assert request.api_key_id == "key1"


def test_an_event_with_nothing_in_it() -> None:
    empty = dict.fromkeys(("multiValueHeaders", "multiValueQueryStringParameters", "pathParameters", "body"))
    request = read_event({**EVENT, **empty, "requestContext": {"requestId": "r1"}})
    assert (request.query, request.headers, request.path_parameters, request.body) == ({}, {}, {}, b"")
    assert (request.claims, request.api_key_id) == (None, None)


def test_a_binary_body() -> None:
    body = b64encode(b"\x00\xff").decode()
    assert read_event({**EVENT, "body": body, "isBase64Encoded": True}).body == b"\x00\xff"
