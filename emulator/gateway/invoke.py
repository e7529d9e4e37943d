"""Step 8: the integration - the Lambda function within its time, or the mock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from emulator.clock import Clock
from emulator.definition import Http, LambdaProxy
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal
from emulator.gateway.event import Events
from emulator.gateway.http_integration import HttpIntegrations
from emulator.gateway.mock import Mocks
from emulator.gateway.permission import Permission
from emulator.gateway.proxy_answer import read_answer

# Lambda's quota for a synchronous request and its answer, in bytes.
LAMBDA_LIMIT = 6_291_456


class Outcome(Protocol):
    """`error` is None unless the function failed."""

    @property
    def payload(self) -> bytes: ...

    @property
    def error(self) -> str | None: ...


class Functions(Protocol):
    """Runs functions by name; refuses the invocation with one of `InvocationRefused`."""

    async def invoke(self, name: str, payload: bytes, *, request_id: str, trace_id: str = "") -> Outcome: ...


@dataclass(slots=True)
class Integrations:
    """`refusals` are the exceptions with which Lambda turns an invocation down, and the gateway response each gets."""

    functions: Functions
    refusals: dict[type[Exception], str]
    events: Events
    mocks: Mocks
    services: HttpIntegrations
    permission: Permission
    clock: Clock
    running: set[asyncio.Task[Outcome]] = field(default_factory=set)

    def __call__(self, exchange: Exchange) -> Awaitable[None] | None:
        """Refuses with INTEGRATION_TIMEOUT (504), INTEGRATION_FAILURE (502) or a configuration error (500)."""
        integration = exchange.method.integration
        if isinstance(integration, LambdaProxy):
            return self._invoke(exchange, integration)
        if isinstance(integration, Http):
            return self._pass_on(exchange, integration)
        exchange.reply = self.mocks.answer(exchange)
        return None

    async def _pass_on(self, exchange: Exchange, integration: Http) -> None:
        exchange.reply = await self.services.answer(exchange, integration)

    async def _invoke(self, exchange: Exchange, integration: LambdaProxy) -> None:
        payload = self.events.build(exchange)
        if len(payload) > LAMBDA_LIMIT:
            raise Refusal("REQUEST_TOO_LARGE")
        if not self.permission.holds(exchange, integration):
            exchange.integration.error = "the function's policy does not allow it"
            raise Refusal("API_CONFIGURATION_ERROR", status=500)
        begun = self.clock.steady()
        try:
            outcome = await self._within(exchange, integration, payload)
        finally:
            exchange.integration.latency = self.clock.steady() - begun
        if outcome.error is not None or len(outcome.payload) > LAMBDA_LIMIT:
            exchange.integration.status = 200  # Lambda's own answer; the failure is the function's
            exchange.integration.error = "the function failed"
            raise Refusal("INTEGRATION_FAILURE", status=502)
        exchange.integration.status = 200
        exchange.reply = read_answer(outcome.payload, exchange, self.events.binary)

    async def _within(self, exchange: Exchange, integration: LambdaProxy, payload: bytes) -> Outcome:
        """Waits as long as the integration may take. The function is never stopped by it: it runs on."""
        ids = exchange.ids
        call = self.functions.invoke(integration.function, payload, request_id=ids.request_id, trace_id=ids.trace_id)
        task = asyncio.ensure_future(call)
        self.running.add(task)
        task.add_done_callback(self._finished)
        await asyncio.wait((task,), timeout=integration.timeout_ms / 1000)
        if not task.done():
            exchange.integration.error = "timeout"
            raise Refusal("INTEGRATION_TIMEOUT")
        failure = task.exception()
        if failure is None:
            return task.result()
        kind = next((kind for refusal, kind in self.refusals.items() if isinstance(failure, refusal)), None)
        if kind is None:
            raise failure
        exchange.integration.error = type(failure).__name__
        raise Refusal(kind, status=500)

    def _finished(self, task: asyncio.Task[Outcome]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: a failure after the timeout has nobody to tell

    async def close(self) -> None:
        for task in tuple(self.running):
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.services.close()
