"""A trace on its way: from the client to the function's environment and back.

Source: API Gateway developer guide: apigateway-xray.
"""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest

from tests.doubles.gateway_command import serving

API = """
openapi: 3.0.1
info: {title: traced, version: "1"}
paths:
  /:
    get:
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\\
          arn:aws:lambda:us-east-1:123456789012:function:traced/invocations"
"""
HANDLER = """
import json, os
def handle(event, context):
    told = [event["headers"]["X-Amzn-Trace-Id"], os.environ["_X_AMZN_TRACE_ID"]]
    return {"statusCode": 200, "body": json.dumps(told)}
"""
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
SEGMENT = "Parent=[0-9a-f]{16}"


@pytest.mark.parametrize("worker", ["awslambdaric", "fast"])
def test_a_function_finds_the_trace_of_its_caller(tmp_path: Path, worker: str) -> None:
    """Source: Lambda developer guide, "Defined runtime environment variables": `_X_AMZN_TRACE_ID`."""
    (tmp_path / "api.yaml").write_text(API)
    (tmp_path / "traced.py").write_text(HANDLER)
    arguments = ["--api", str(tmp_path / "api.yaml"), "--lambda", "traced=traced:handle", "--code-root", str(tmp_path)]
    with serving([*arguments, "--worker", worker], tmp_path) as port:
        for came, header, environment in (
            (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1", None, None),
            (ROOT, None, f"{ROOT};{SEGMENT};Sampled=0"),
            ("Root=evil", "Root=1-[0-9a-f]{8}-[0-9a-f]{24}", f"Root=1-[0-9a-f-]{{33}};{SEGMENT};Sampled=0"),
        ):
            told, answered = _ask(port, came)
            assert re.fullmatch(header or came, answered)
            assert told[0] == answered
            assert re.fullmatch(environment or came, told[1])


def _ask(port: int, trace: str) -> tuple[list[str], str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", "/", headers={"X-Amzn-Trace-Id": trace})
    answer = client.getresponse()
    told = json.loads(answer.read())
    client.close()
    return told, answer.headers["X-Amzn-Trace-Id"]
