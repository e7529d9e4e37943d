"""The proxy event, format 1.0, to the last field.

Source: API Gateway developer guide: set-up-lambda-proxy-integrations, "Input format".
"""

from __future__ import annotations

from tests.doubles.gateway import ACCOUNT, START, Rig, claims, mint, signed

IDENTITY = {
    "cognitoIdentityPoolId": None,
    "accountId": None,
    "apiKey": "free-value",
    "apiKeyId": "key-free",
    "cognitoIdentityId": None,
    "caller": None,
    "principalOrgId": None,
    "sourceIp": "127.0.0.9",
    "accessKey": None,
    "cognitoAuthenticationType": None,
    "cognitoAuthenticationProvider": None,
    "userArn": None,
    "userAgent": "test/1",
    "user": None,
}


def test_the_whole_event(rig: Rig) -> None:
    token = mint()
    event = rig.event(
        "GET",
        "/things?q=1&q=%C3%A9&z=a+b",
        headers=signed(
            token, **{"X-Tenant": "t", "User-Agent": "test/1", "Content-Length": "0", "Connection": "close"}
        ),
    )
    context = event.pop("requestContext")
    trace = event["headers"].pop("X-Amzn-Trace-Id")
    assert event.pop("multiValueHeaders").pop("X-Amzn-Trace-Id") == [trace]
    assert event == {
        "resource": "/things",
        "path": "/things",
        "httpMethod": "GET",
        "headers": {
            "Host": "api.test",
            "Authorization": f"Bearer {token}",
            "x-api-key": "free-value",
            "X-Tenant": "t",
            "User-Agent": "test/1",
            "X-Forwarded-For": "127.0.0.9",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        },
        "queryStringParameters": {"q": "é", "z": "a b"},
        "multiValueQueryStringParameters": {"q": ["1", "é"], "z": ["a b"]},
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    assert len(context.pop("requestId")) == 36
    assert len(context.pop("extendedRequestId")) == 16
    assert context == {
        "resourceId": "",
        "resourcePath": "/things",
        "operationName": "things.list",
        "httpMethod": "GET",
        "requestTime": "23/Nov/2026:10:00:00 +0000",
        "path": "/things",
        "accountId": ACCOUNT,
        "protocol": "HTTP/1.1",
        "stage": "local",
        "domainPrefix": "api",
        "requestTimeEpoch": START,
        "domainName": "api.test",
        "deploymentId": "local",
        "apiId": "sample0000",
        "authorizer": {"claims": claims()},
        "identity": IDENTITY,
    }


def test_a_method_without_authorizer_has_no_authorizer(rig: Rig) -> None:
    assert "authorizer" not in rig.event("GET", "/open")["requestContext"]


def test_forwarding_headers_of_the_client_are_not_believed(rig: Rig) -> None:
    forged = {"X-Forwarded-For": "1.2.3.4", "x-forwarded-proto": "http", "X-Forwarded-Port": "80"}
    event = rig.event("GET", "/open", headers=forged)
    assert event["headers"]["X-Forwarded-For"] == "1.2.3.4, 127.0.0.9"
    assert (event["headers"]["X-Forwarded-Proto"], event["headers"]["X-Forwarded-Port"]) == ("https", "443")
    assert "x-forwarded-proto" not in event["headers"]
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.9"


def test_bodies_are_text_or_base64_of_binary_types(rig: Rig) -> None:
    event = rig.event("POST", "/open", headers={"Content-Type": "image/png"}, body=b"\x89PNG")
    assert (event["body"], event["isBase64Encoded"]) == ("iVBORw==", True)
    event = rig.event("POST", "/open", headers={"Content-Type": "text/plain"}, body="é".encode())
    assert (event["body"], event["isBase64Encoded"]) == ("é", False)
    assert rig.ask("POST", "/open", headers={"Content-Type": "text/plain"}, body=b"\xff").status == 400


def test_request_ids_are_uuids_of_version_4(rig: Rig) -> None:
    ids = {rig.event("GET", "/open")["requestContext"]["requestId"] for _ in range(50)}
    assert len(ids) == 50
    assert all(found[14] == "4" and found[19] in "89ab" for found in ids)
