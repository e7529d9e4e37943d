"""The path of a request through a function, in order.

1. read the event, and find the route the gateway matched;
2. identify the caller from the verified claims, and ask whether the client is still active;
3. validate the body, the Idempotency-Key and If-Match;
4. run the operation: it loads, decides, and ends in one commit; when what it read has moved on, run it again;
5. before any refusal of a write, look for this key's own commit, and replay it if it is there;
6. render the reply.

What this costs: an operation may run several times for one request, so everything before its commit has
to be free of effects.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.kernel.problems import (
    INTERNAL_ERROR,
    METHOD_NOT_ALLOWED,
    OUTCOME_UNKNOWN,
    VERSION_CONFLICT,
    Problem,
)
from chalicelib.store.commit import Stale
from chalicelib.store.patience import Patience
from chalicelib.store.port import OutcomeUnknown, Throttled, Unreachable
from chalicelib.store.transact import gave_up
from chalicelib.web.call import Bench, Call, Reply
from chalicelib.web.caller import ClientStatuses, identify
from chalicelib.web.preconditions import fingerprint, idempotency_key, if_match
from chalicelib.web.reply import problem_reply, to_gateway
from chalicelib.web.request import Request, read_event
from chalicelib.web.strict_json import read_object
from chalicelib.web.tenant_clock import tenant_now_at
from chalicelib.web.validate import Body, require_json, validate

SPARE_SECONDS: Final = 1.0
"""Kept back from the function's own time, to answer before the environment is killed."""

LONGEST_CALL_SECONDS: Final = 20.0
"""The gateway gives up after 29 s: a caller gets our answer, not its."""

logger = Logger(service="tollgate")

Operation = Callable[[Call], Reply]

_LEDGER_TROUBLE: Final = (Throttled, Unreachable, OutcomeUnknown)


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a room's table: the operation and the model of its body (None: a read without a body).

    `versioned` says that the request changes something that has a version already, for If-Match to mean.
    """

    operation: Operation
    body: type[Body] | None = None
    versioned: bool = True


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A route without an authorizer: it answers from the request alone, and writes nothing to the ledger."""

    operation: Callable[[Request, Bench], Reply]


class Service:
    """One function: its routes by `<method> <resource>`, exactly as the gateway definitions spell them."""

    def __init__(self, name: str, routes: Mapping[str, Route | OpenRoute], open_bench: Callable[[], Bench]) -> None:
        """Take the room's name, its routes, and what opens the bench at the first request."""
        self.name = name
        self.routes = routes
        self._open_bench = open_bench
        self._opened: tuple[Bench, ClientStatuses] | None = None

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer a gateway event; nothing but an answer ever leaves, whatever happens."""
        request = read_event(event)
        try:
            reply = self._answer(request, context)
        except Problem as problem:
            reply = problem_reply(problem, request.request_id)
        except Exception:
            logger.exception("unexpected", request_id=request.request_id, route=request.resource)
            reply = problem_reply(Problem(INTERNAL_ERROR, "The request failed."), request.request_id)
        logger.info("answered", request_id=request.request_id, route=request.resource, status=reply.status)
        return to_gateway(reply)

    def _answer(self, request: Request, context: Any) -> Reply:
        route = self.routes.get(f"{request.method} {request.resource}")
        if route is None:
            raise Problem(METHOD_NOT_ALLOWED, f"{request.method} is not offered here.")
        bench, statuses = self._bench()
        patience = _patience(bench, context)
        if isinstance(route, OpenRoute):
            return _open(route, request, bench, patience)
        return _run(route, request, bench, statuses, patience)

    def _bench(self) -> tuple[Bench, ClientStatuses]:
        if self._opened is None:
            bench = self._open_bench()
            self._opened = (bench, ClientStatuses(bench.dynamo, bench.clock))
            gc.freeze()  # what was imported stays for good: walking it again and again was a sixth of a request
        return self._opened


def _patience(bench: Bench, context: Any) -> Patience:
    own_seconds = context.get_remaining_time_in_millis() / 1_000 - SPARE_SECONDS
    seconds = min(own_seconds, LONGEST_CALL_SECONDS)
    return Patience(bench.clock, bench.chance, bench.clock.elapsed_seconds() + seconds)


def _open(route: OpenRoute, request: Request, bench: Bench, patience: Patience) -> Reply:
    try:
        return route.operation(request, bench)
    except _LEDGER_TROUBLE:
        raise gave_up(patience) from None


def _run(route: Route, request: Request, bench: Bench, statuses: ClientStatuses, patience: Patience) -> Reply:
    caller = identify(request.claims, request.api_key_id)
    if route.body is None:
        return _persist(route, Call(request, caller, None, bench, patience, now_at=0), statuses)
    require_json(request)
    raw = read_object(request.body)
    call = Call(
        request=request,
        caller=caller,
        body=validate(route.body, raw),
        bench=bench,
        patience=patience,
        now_at=0,
        key=idempotency_key(request),
        fingerprint=fingerprint(request, caller.principal, raw),
        expected_version=if_match(request),
    )
    return _persist(route, call, statuses)


def _persist(route: Route, call: Call, statuses: ClientStatuses) -> Reply:
    """Run the operation until it has an answer or the patience is used up."""
    while True:
        try:
            statuses.require_active(call.caller.client_id)
            now_at = tenant_now_at(call.bench.dynamo, call.bench.clock, call.tenant)
            return _once(route, replace(call, now_at=now_at))
        except Stale:
            refusal = Problem(VERSION_CONFLICT, "The object kept changing while this was decided.")
        except _LEDGER_TROUBLE:
            refusal = _unheard(call)
        if not call.patience.again():
            raise refusal


def _unheard(call: Call) -> Problem:
    """Say what is known when the ledger cannot even be read.

    A write may have been done by an earlier request under its key: without having looked, nobody can deny it.
    """
    if call.key:
        return Problem(OUTCOME_UNKNOWN, "The ledger could not be asked whether this was done.")
    return gave_up(call.patience)


def _once(route: Route, call: Call) -> Reply:
    """Run a write, and refuse it only after looking for its own commit: a retry must not refuse itself."""
    try:
        if not route.versioned:
            call.expect(None)
        return route.operation(call)
    except Problem as refusal:
        replayed = call.replay() if call.key else None
        if replayed is not None:
            return replayed
        raise refusal from None
