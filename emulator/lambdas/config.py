"""The values of this room: what a function is, one invocation of it, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

MAXIMUM_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's limit for a synchronous request and for its response (Lambda quotas)."""

LATEST = "$LATEST"
"""The version that is edited; published ones are numbers."""


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """One function as it would be deployed; `handler` is what Chalice would deploy, `code_root` its folder.

    Four of them are for asynchronous invocation: `on_success` and `on_failure` name the function that is sent the
    record of what became of an event. Source: API PutFunctionEventInvokeConfig, with its defaults. `dead_letters` is
    the ARN of the queue or topic that is sent the events themselves that were given up.
    """

    name: str
    handler: str
    code_root: str
    memory_mb: int
    timeout_seconds: float
    environment: Mapping[str, str]
    max_environments: int = 4
    region: str = "us-east-1"
    account: str = "123456789012"
    worker: Literal["awslambdaric", "fast"] = "awslambdaric"
    reserved_concurrency: int | None = None
    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 6 * 60 * 60
    on_success: str | None = None
    on_failure: str | None = None
    version: str = LATEST
    dead_letters: str | None = None

    @property
    def key(self) -> str:
        """Its name among the functions that run; a published version's has its number."""
        return self.name if self.version == LATEST else f"{self.name}:{self.version}"

    @property
    def arn(self) -> str:
        """What it is invoked by: of a published version, with its number."""
        plain = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return plain if self.version == LATEST else f"{plain}:{self.version}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function answered; `error` is None, or "Unhandled" with the error document as payload."""

    payload: bytes
    error: Literal["Unhandled"] | None = None
    duration_ms: float = 0.0
    cold: bool = False


class Invoker(Protocol):
    """Whoever runs functions by name: this machine, or a Lambda endpoint."""

    async def start(self) -> None:
        """Be ready to invoke."""

    async def stop(self) -> None:
        """End what `start` began."""

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> Outcome:
        """Run one event and return how it ended; raises UnknownFunction and TooManyRequests."""
        ...


@dataclass(slots=True)
class Invocation:
    """One event on its way through a function; `outcome` is what the caller waits for."""

    request_id: str
    payload: bytes
    trace_id: str
    outcome: asyncio.Future[Outcome] = field(repr=False)

    def finish(self, outcome: Outcome) -> None:
        """Answer the caller, if it is still there."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
