"""An existing HTTP service behind the gateway, next to a Lambda function: what reaches it, and what comes back.

Source: API Gateway developer guide: setup-http-integrations.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.gateway_command import serving

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:pets/invocations"
)
API = """
openapi: 3.0.1
info: {{title: mixed, version: "1"}}
paths:
  /pets:
    get:
      x-amazon-apigateway-integration: {{type: aws_proxy, httpMethod: POST, uri: "{function}"}}
  /orders/{{proxy+}}:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: ANY
        uri: http://127.0.0.1:{port}/shop/{{proxy}}
        requestParameters:
          integration.request.path.proxy: method.request.path.proxy
          integration.request.querystring.stage: "'dev'"
          integration.request.header.X-Number: method.request.querystring.n
        timeoutInMillis: 500
  /mapped/{{id}}:
    post:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: PUT
        uri: http://127.0.0.1:{port}/shop/{{id}}
        requestParameters:
          integration.request.path.id: method.request.path.id
          integration.request.querystring.m: method.request.querystring.n
          integration.request.header.X-Number: method.request.header.X-Number
        responses:
          default:
            statusCode: "200"
            responseParameters:
              method.response.header.X-Was: integration.response.header.WWW-Authenticate
              method.response.header.X-Not-There: integration.response.header.X-Not-There
              method.response.header.Content-Type: "'application/shop+json'"
          "3..":
            statusCode: "409"
            responseTemplates: {{application/json: '{{"moved":"$context.requestId"}}'}}
          "404": {{statusCode: "410"}}
  /unmapped:
    get:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: GET
        uri: http://127.0.0.1:{port}/shop/
        responses: {{"404": {{statusCode: "410"}}}}
  /gone:
    get:
      x-amazon-apigateway-integration: {{type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/"}}
"""
RELEASED = threading.Event()
HANDLER = "def handle(event, context):\n    return {'statusCode': 200, 'body': 'from the function'}\n"


class Service(BaseHTTPRequestHandler):
    """Says what it was asked; some paths answer in a way of their own."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/slow" in self.path:
            RELEASED.wait(30)
        if "/cut" in self.path:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        said = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body.decode()}
        text = json.dumps(said).encode()
        self.send_response(302 if "/moved" in self.path else 404 if "/none" in self.path else 200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The gateway in front of the service and the function."""
    folder = tmp_path_factory.mktemp("mixed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (folder / "api.yaml").write_text(API.format(function=LAMBDA, port=server.server_port))
    (folder / "pets.py").write_text(HANDLER)
    arguments = ["--api", str(folder / "api.yaml"), "--lambda", "pets=pets:handle", "--code-root", str(folder)]
    try:
        with serving(arguments, folder) as gateway:
            yield gateway
    finally:
        RELEASED.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _ask(
    port: int, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, Any, list[tuple[str, str]]]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = client.getresponse()
    text, found = answer.read(), (answer.status, answer.getheaders())
    client.close()
    return found[0], text, found[1]


def _said(text: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    said = json.loads(text)
    return said, {name.lower(): value for name, value in said["headers"]}


def test_a_function_and_a_service_side_by_side(port: int) -> None:
    assert _ask(port, "GET", "/pets")[:2] == (200, b"from the function")
    status, text, _ = _ask(port, "GET", "/orders/7/lines?n=1&n=2")
    assert status == 200
    assert _said(text)[0]["path"] == "/shop/7/lines?n=1&n=2&stage=dev"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_request_arrives_as_it_came(port: int, method: str) -> None:
    """Source: "Set up HTTP integrations": the entire request is passed through; hop-by-hop headers are its own."""
    status, text, _ = _ask(
        port, method, "/orders/a%20b?n=5", b'{"x":"\xc3\xa9"}', Content_Type="application/json", Authorization="Basic x",
        Connection="x-secret", X_Secret="1", X_Forwarded_For="10.0.0.1", X_Number="forged",
    )  # fmt: skip
    said, headers = _said(text)
    assert (status, said["method"], said["path"], said["body"]) == (
        200,
        method,
        "/shop/a%20b?n=5&stage=dev",
        '{"x":"é"}',
    )
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Basic x"
    assert headers["x-number"] == "5", "what is mapped replaces what was sent"
    assert headers["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"
    assert headers["host"].startswith("127.0.0.1:"), "the service's own"
    assert headers["host"] != f"127.0.0.1:{port}"
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert "x-secret" not in headers, "a header that Connection names ends here"


@pytest.mark.parametrize(("path", "wanted"), [("/orders/none", 404), ("/orders/moved", 302)])
def test_the_answer_comes_back_as_it_is(port: int, path: str, wanted: int) -> None:
    """Source: "important notes": WWW-Authenticate and its like come back under another name; redirects are not followed."""
    status, _, headers = _ask(port, "GET", path)
    assert status == wanted
    assert [value for name, value in headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]
    assert ("x-amzn-Remapped-WWW-Authenticate", "Basic") in headers
    assert not [name for name, _ in headers if name.lower() == "www-authenticate"]


@pytest.mark.parametrize("path", ["/orders/slow", "/orders/cut", "/gone"])
def test_a_service_that_fails_is_a_504(port: int, path: str) -> None:
    """Source: "API Gateway gateway response types": INTEGRATION_TIMEOUT and INTEGRATION_FAILURE are 504."""
    status, text, _ = _ask(port, "GET", path)
    assert status == 504
    word = b"timed out" if "slow" in path else b"Internal server error"
    assert word in text
    assert _ask(port, "GET", "/orders/fine")[0] == 200


def test_a_path_cannot_leave_where_it_was_put(port: int) -> None:
    for path in ("/orders/../secret", "/orders/%2e%2e/secret", "/orders/x%2f..%2fsecret", "//orders/x"):
        assert _ask(port, "GET", path)[0] == 400, path
    status, text, _ = _ask(port, "GET", "/orders/x%3Fadmin=1%23")
    assert status == 200
    assert _said(text)[0]["path"] == "/shop/x%3Fadmin%3D1%23?stage=dev"


def test_only_what_is_mapped_goes_either_way(port: int) -> None:
    """Source: "Set up HTTP custom integrations": without a mapping nothing but the body passes."""
    status, text, headers = _ask(
        port, "POST", "/mapped/7?n=5&other=1", b"{}", X_Number="3", X_Secret="1", Cookie="a=b", Accept="text/html"
    )  # fmt: skip
    said, arrived = _said(text)
    assert (status, said["method"], said["path"], said["body"]) == (200, "PUT", "/shop/7?m=5", "{}")
    assert arrived["x-number"] == "3"
    assert arrived["accept"] == "application/json"
    assert arrived["user-agent"].startswith("AmazonAPIGateway_")
    assert not {"x-secret", "cookie", "x-forwarded-for"} & arrived.keys()
    answered = {name.lower(): value for name, value in headers}
    assert (answered["x-was"], answered["content-type"]) == ("Basic", "application/shop+json")
    assert not {"set-cookie", "location", "x-not-there", "www-authenticate"} & answered.keys()


def test_what_the_request_does_not_have_is_not_sent(port: int) -> None:
    said, arrived = _said(_ask(port, "POST", "/mapped/7")[1])
    assert said["path"] == "/shop/7"
    assert "x-number" not in arrived


@pytest.mark.parametrize(("path", "wanted"), [("/mapped/none", 410), ("/mapped/moved", 409), ("/unmapped", 500)])
def test_the_answer_is_chosen_by_its_status(port: int, path: str, wanted: int) -> None:
    """Source: "Set up integration responses": a pattern is for the whole status, `default` for all others."""
    status, text, _ = _ask(port, "GET" if path == "/unmapped" else "POST", path)
    assert status == wanted
    assert ({409: b'{"moved":"', 410: b"/shop/none", 500: b"Internal server error"}[wanted]) in text


MISTAKES = [
    ("httpMethod: PUT", "httpMethod: PUT\n        passthroughBehavior: never", "everybody would get a 415"),
    ("\"'application/shop+json'\"", "integration.response.body.x", "response parameter"),
    ("$context.requestId", "$input.body", "VTL is not"),
    ("3..", "3(", "is no regular expression"),
    ("http://127.0.0.1:{port}/shop/{{proxy}}", "ftp://x/{{proxy}}", "absolute http or https URI"),
    ("/shop/{{proxy}}", "/shop/{{proxy}}/{{other}}", "{other} is filled by nothing"),
    ("method.request.path.proxy", "context.requestId", "is not served here"),
    ("integration.request.path.proxy", "integration.request.body", "is not served here"),
    ("http://127.0.0.1:{port}", "http://${{stageVariables.host}}", "no value given for ${stageVariables.host}"),
]


@pytest.mark.parametrize(("good", "bad", "said"), MISTAKES, ids=[row[2] for row in MISTAKES])
def test_what_would_lead_nowhere_is_refused_at_the_start(tmp_path: Path, good: str, bad: str, said: str) -> None:
    assert good in API
    (tmp_path / "api.yaml").write_text(API.replace(good, bad, 1).format(function=LAMBDA, port=1))
    (tmp_path / "pets.py").write_text(HANDLER)
    arguments = ["--api", str(tmp_path / "api.yaml"), "--lambda", "pets=pets:handle", "--code-root", str(tmp_path)]
    with pytest.raises(AssertionError, match="emulator: ") as refused, serving(arguments, tmp_path):
        pass
    assert said in str(refused.value)
