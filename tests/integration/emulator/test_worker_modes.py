"""Both ways of reaching the Runtime API give identical answers: the same requests to the same code, side by side."""

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doubles.gateway_command import serving

MODES = ("awslambdaric", "fast")
API = """
openapi: 3.0.1
info: {title: modes, version: '1'}
x-amazon-apigateway-binary-media-types: [application/octet-stream]
x-amazon-apigateway-request-validators:
  all: {validateRequestBody: true, validateRequestParameters: true}
paths:
  /things/{id}:
    x-amazon-apigateway-any-method: &called
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${region}:${account}:function:modes/invocations
  /checked:
    post:
      x-amazon-apigateway-request-validator: all
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {type: object, required: [amount]}}}}
      <<: *called
  /files/{path+}:
    get: *called
"""
HANDLER = """
import base64, os, sys, time

def handle(event, context):
    do = event["headers"].get("x-do", "tell")
    return globals()["do_" + do](event, context)

def do_tell(event, context):
    kept = {name: event[name] for name in (
        "resource", "path", "httpMethod", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters",
        "stageVariables", "body", "isBase64Encoded")}
    kept["x"] = event["multiValueHeaders"].get("x-many")
    kept["context"] = [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn]
    kept["same id"] = context.aws_request_id == event["requestContext"]["requestId"]
    kept["time left"] = 0 < context.get_remaining_time_in_millis() <= 1500
    names = {"AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL_LAMBDA", "TMPDIR"}
    kept["environment"] = {name: value for name, value in sorted(os.environ.items()) if name not in names}
    kept["environment"].pop("_X_AMZN_TRACE_ID")
    import json
    return {"statusCode": 200, "body": json.dumps(kept)}

def do_binary(event, context):
    body = base64.b64encode(bytes(range(256))).decode()
    return {"statusCode": 200, "headers": {"Content-Type": "application/octet-stream"}, "body": body, "isBase64Encoded": True}

def do_many(event, context):
    return {"statusCode": 201, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "headers": {"X-One": "1"}, "body": "\\u20ac"}

def do_big(event, context):
    return {"statusCode": 200, "body": "x" * 5_000_000}

def do_too_big(event, context):
    return {"statusCode": 200, "body": "x" * 7_000_000}

def do_none(event, context):
    return None

def do_nan(event, context):
    return {"statusCode": 200, "body": float("nan")}

def do_object(event, context):
    return {"statusCode": 200, "body": object()}

def do_bytes(event, context):
    return b"{}"

def do_list(event, context):
    return [1, 2]

def do_text_status(event, context):
    return {"statusCode": "two hundred"}

def do_nested(event, context):
    return {"statusCode": 200, "body": {"a": 1}}

def do_raise(event, context):
    raise ValueError("the text of an exception")

def do_deep(event, context):
    return do_deep(event, context)

def do_exit(event, context):
    os._exit(7)

def do_sys_exit(event, context):
    sys.exit(3)

def do_loop(event, context):
    while True:
        pass

def do_silent(event, context):
    os.close(1), os.close(2)
    return {"statusCode": 204}

def do_print(event, context):
    print("x" * 1_000_000)
    return {"statusCode": 200, "body": "printed"}
"""
# They tell requests apart, and may differ.
VOLATILE = {"date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"}


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def answer(self, port: int) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(self.method, self.path, self.body, dict(self.headers))
            response = connection.getresponse()
            headers = sorted((name, value) for name, value in response.getheaders() if name.lower() not in VOLATILE)
            return {"status": response.status, "headers": headers, "body": response.read()}
        finally:
            connection.close()


def _does(name: str) -> Ask:
    return Ask("POST", "/things/1", {"x-do": name})


CORPUS = {
    **{
        name[3:]: _does(name[3:])
        for name in (line[4:].split("(")[0] for line in HANDLER.split("\n"))
        if name[:3] == "do_"
    },
    "query": Ask("GET", "/things/1?a=1&a=2&b=%20x&c"),
    "headers": Ask("GET", "/things/1", {"x-many": "one"}),
    "encoded path": Ask("GET", "/things/a%20b"),
    "body": Ask("PUT", "/things/1", {"Content-Type": "application/json"}, '{"a":"€"}'.encode()),
    "binary body": Ask("POST", "/things/1", {"Content-Type": "application/octet-stream"}, bytes(range(256))),
    "big body": Ask("POST", "/things/1", {}, b"y" * 5_000_000),
    "beyond Lambda": Ask("POST", "/things/1", {}, b"y" * 6_291_456),
    "greedy": Ask("GET", "/files/a/b/c"),
    "valid": Ask("POST", "/checked?q=1", {"Content-Type": "application/json"}, b'{"amount":1}'),
    "invalid": Ask("POST", "/checked?q=1", {"Content-Type": "application/json"}, b"{}"),
    "lacking": Ask("POST", "/checked", {"Content-Type": "application/json"}, b'{"amount":1}'),
    "nowhere": Ask("GET", "/nowhere"),
    "not unique": Ask("GET", "/things/a%2Fb"),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """Serve the same code in both modes."""
    folder = tmp_path_factory.mktemp("modes")
    (folder / "api.yaml").write_text(API)
    (folder / "modes.py").write_text(HANDLER)
    same = ["--api", str(folder / "api.yaml"), "--code-root", str(folder), "--lambda", "modes=modes:handle"]
    with ExitStack() as stack:
        found = []
        for mode in MODES:
            (folder / mode).mkdir()
            arguments = [*same, "--timeout", "1.5", "--worker", mode]
            found.append(stack.enter_context(serving(arguments, folder / mode)))
        yield found


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_both_modes_answer_alike(ports: list[int], name: str) -> None:
    own, fast = (CORPUS[name].answer(port) for port in ports)
    assert own == fast
    assert own["status"] in (200, 201, 204, 400, 403, 413, 502), own


def test_the_corpus_reaches_what_it_names(ports: list[int]) -> None:
    statuses = {
        name: CORPUS[name].answer(ports[0])["status"] for name in ("tell", "binary", "many", "raise", "too_big")
    }
    assert statuses == {"tell": 200, "binary": 200, "many": 201, "raise": 502, "too_big": 502}
    assert CORPUS["binary"].answer(ports[0])["body"] == base64.b64encode(bytes(range(256)))
    told = json.loads(CORPUS["query"].answer(ports[0])["body"])
    assert told["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"], "c": [""]}
