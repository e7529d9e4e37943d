"""Lambda authorizers: a function is asked once for an identity, and its policy decides about each request anew.

    identity sources   missing, empty, of the wrong form   401, and the function is not called
    remembered answer  for authorizerResultTtlInSeconds
    the function       raises "Unauthorized"               401
                       fails otherwise, or takes too long  500 AUTHORIZER_FAILURE
                       cannot be called, answers nonsense  500 AUTHORIZER_CONFIGURATION_ERROR
    its policy         denies, or does not allow           403

Those who come with one identity while the function is being asked wait for the same answer. Only answers are
remembered, never failures; the oldest leaves first.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass, field

from emulator.clock import Clock
from emulator.definition import LambdaAuthorizer
from emulator.gateway.authorizer_answer import BadAnswer, Ruling, error_message, read_ruling
from emulator.gateway.authorizer_event import AuthorizerEvents
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal
from emulator.gateway.identity import Identities, Identity
from emulator.gateway.invoke import Functions, Outcome
from emulator.gateway.permission import Permission

# Answers remembered per authorizer.
REMEMBERED = 10_000
# "the maximum length is 1600 bytes. ... the API client will receive a 414 Request URI too long response"
# (api-gateway-lambda-authorizer-output).
ARN_LIMIT = 1_600
TIMEOUT_SECONDS = 29.0

_DENIED = "User is not authorized to access this resource"


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no ruling: the gateway response, and the words for `$context.authorizer.error`."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Remembered:
    ruling: Ruling
    until: int


@dataclass(slots=True)
class LambdaAuthorizers:
    """`refusals` are the exceptions with which Lambda turns an invocation down."""

    functions: Functions
    refusals: tuple[type[Exception], ...]
    identities: Identities
    events: AuthorizerEvents
    permission: Permission
    clock: Clock
    timeout_seconds: float = TIMEOUT_SECONDS
    remembered: dict[LambdaAuthorizer, OrderedDict[bytes, _Remembered]] = field(default_factory=dict)
    asking: dict[tuple[LambdaAuthorizer, bytes], asyncio.Task[Ruling | _Failure]] = field(default_factory=dict)
    running: set[asyncio.Task[Outcome]] = field(default_factory=set)

    def __call__(self, exchange: Exchange, authorizer: LambdaAuthorizer) -> Awaitable[None] | None:
        """Refuses with UNAUTHORIZED (401), ACCESS_DENIED (403), AUTHORIZER_... (500), or 414 for a long ARN."""
        identity = self.identities.read(exchange, authorizer)
        if len(self.events.arn(exchange).encode()) > ARN_LIMIT:
            raise Refusal("DEFAULT_4XX", "Request URI too long", status=414)
        known = self.remembered.setdefault(authorizer, OrderedDict()).get(identity.digest)
        if known is None or self.clock.steady() >= known.until:
            return self._ask(exchange, authorizer, identity)
        self._admit(exchange, known.ruling)
        return None

    async def _ask(self, exchange: Exchange, authorizer: LambdaAuthorizer, identity: Identity) -> None:
        begun = self.clock.steady()
        if authorizer.ttl_seconds:
            found = await self._with_others(exchange, authorizer, identity)
        else:
            found = await self._rule(exchange, authorizer, identity)
        exchange.authorizer_latency = self.clock.steady() - begun
        if isinstance(found, _Failure):
            exchange.authorizer_error = found.reason
            raise Refusal(found.kind)
        self._admit(exchange, found)

    async def _with_others(
        self, exchange: Exchange, authorizer: LambdaAuthorizer, identity: Identity
    ) -> Ruling | _Failure:
        """One call of the function at a time for an identity; one who leaves does not end it for the others."""
        place = (authorizer, identity.digest)
        task = self.asking.get(place)
        if task is None:
            task = self.asking[place] = asyncio.create_task(self._rule(exchange, authorizer, identity))
            task.add_done_callback(lambda _: self.asking.pop(place, None))
        return await asyncio.shield(task)

    async def _rule(self, exchange: Exchange, authorizer: LambdaAuthorizer, identity: Identity) -> Ruling | _Failure:
        found = await self._call(exchange, authorizer, identity)
        if isinstance(found, Ruling) and authorizer.ttl_seconds:
            self._remember(authorizer, identity, found)
        return found

    def _remember(self, authorizer: LambdaAuthorizer, identity: Identity, ruling: Ruling) -> None:
        known = self.remembered[authorizer]
        known.pop(identity.digest, None)  # so that it is the newest again
        if len(known) >= REMEMBERED:
            known.popitem(last=False)
        known[identity.digest] = _Remembered(ruling, self.clock.steady() + authorizer.ttl_seconds * 1_000)

    async def _call(self, exchange: Exchange, authorizer: LambdaAuthorizer, identity: Identity) -> Ruling | _Failure:
        """Waits as long as an authorizer may take. The function is never stopped by it: it runs on."""
        if not self.permission.holds_for(authorizer):
            return _Failure("AUTHORIZER_CONFIGURATION_ERROR", "the authorizer's policy does not allow to call it")
        payload = self.events.build(exchange, authorizer, identity.token)
        ids = exchange.ids
        call = self.functions.invoke(authorizer.function, payload, request_id=ids.request_id, trace_id=ids.trace_id)
        task = asyncio.ensure_future(call)
        self.running.add(task)
        task.add_done_callback(self._finished)
        await asyncio.wait((task,), timeout=self.timeout_seconds)
        if not task.done():
            return _Failure("AUTHORIZER_FAILURE", "the authorizer took too long")
        failure = task.exception()
        if failure is None:
            return _read(authorizer, task.result())
        if not isinstance(failure, self.refusals):
            raise failure
        return _Failure("AUTHORIZER_CONFIGURATION_ERROR", f"the authorizer was not called: {type(failure).__name__}")

    def _finished(self, task: asyncio.Task[Outcome]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: a failure after the timeout has nobody to tell

    def _admit(self, exchange: Exchange, ruling: Ruling) -> None:
        exchange.permit = ruling.permit
        decision = ruling.policy.decide(self.events.arn(exchange), _facts(exchange))
        if decision == "allow":
            return
        exchange.authorizer_error = "the policy denies it" if decision == "deny" else "the policy does not allow it"
        raise Refusal("ACCESS_DENIED", f"{_DENIED} with an explicit deny" if decision == "deny" else _DENIED)

    async def close(self) -> None:
        tasks = (*self.running, *self.asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(authorizer: LambdaAuthorizer, outcome: Outcome) -> Ruling | _Failure:
    if outcome.error is not None:
        if error_message(outcome.payload) == "Unauthorized":
            return _Failure("UNAUTHORIZED", "the authorizer raised Unauthorized")
        return _Failure("AUTHORIZER_FAILURE", "the authorizer failed")
    try:
        return read_ruling(outcome.payload)
    except BadAnswer as error:
        print(f"{authorizer.function}: not an authorizer's answer: {error}", file=sys.stderr)  # noqa: T201
        return _Failure("AUTHORIZER_CONFIGURATION_ERROR", "the authorizer's answer is not one")


def _facts(exchange: Exchange) -> dict[str, str]:
    """The condition keys of a request. A header that is missing is a key that is missing."""
    given = {
        "aws:sourceip": exchange.request.source_ip,
        "aws:useragent": exchange.headers.lower.get("user-agent", ""),
        "aws:referer": exchange.headers.lower.get("referer", ""),
        "aws:securetransport": "true",  # as X-Forwarded-Proto: AWS has no other way in
    }
    return {name: value for name, value in given.items() if value}
