"""What a control plane is to the server: operations by their names in botocore's model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

Members = dict[str, Any]
"""Members of a request or an answer, named and nested as boto3 takes and gives them: blobs are bytes, timestamps are
seconds since the epoch."""

Operation = Callable[[Members], Awaitable[Members]]


class Plane(Protocol):
    """The control plane of one of AWS's services on this machine."""

    @property
    def name(self) -> str:
        """The service as boto3 names it: apigateway, lambda, events."""
        ...

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is served, by the names of botocore's model (`CreateRestApi`); ControlError is a refusal."""
        ...
