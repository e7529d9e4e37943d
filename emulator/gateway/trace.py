"""The X-Ray root that a client may bring along."""

from __future__ import annotations

import re

from emulator.gateway.context import Request

_ROOT = re.compile(rb"(?:^|;)\s*(Root=1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")


def root_of(request: Request) -> str | None:
    """`Root=1-...` of the client's X-Amzn-Trace-Id, if it has that form."""
    for name, value in request.raw_headers:
        if len(name) == 15 and name.lower() == b"x-amzn-trace-id":
            match = _ROOT.search(value)
            return match.group(1).decode("ascii") if match else None
    return None
