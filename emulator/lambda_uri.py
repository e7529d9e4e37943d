"""The URI by which a definition names a Lambda function."""

from __future__ import annotations

import re

from emulator.yaml_source import Node

_LAMBDA_URI = re.compile(
    r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/"
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:([A-Za-z0-9_-]+(?::[A-Za-z0-9$_-]+)?)/invocations"
)


def named_function(uri: Node) -> str:
    """The function's name, with the version or alias that is named (`pay:live`). Raises DefinitionError."""
    match = _LAMBDA_URI.fullmatch(uri.text())
    if match is None:
        uri.fail("not the invocation URI of a Lambda function")
    return match.group(1)
