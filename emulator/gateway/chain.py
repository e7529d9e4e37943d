"""The path of a request through the gateway, as one list.

    parse      take apart, refuse the ambiguous and the too large          400, 413
    route      one resource, one method                                    403 Missing Authentication Token
    authorize  JWT: algorithm, signature, issuer, audience, times, claims  401; scopes 403
               Lambda: identity sources, answer, policy                    401, 403, 500, 414
    api key    from header or authorizer: key, usage plan                  403
    throttle   plan and method, plan, stage or method, account             429 Too Many Requests
    quota      the plan's, per period                                      429 Limit Exceeded
    unpack     a compressed body                                           415, 413
    validate   required parameters, body against its model                 400, 415
    integrate  Lambda proxy within its time, or mock                       500, 502, 504

Then, whatever happened: the refusal is rendered, the answer compressed and sealed with the gateway's headers, the
request counted, a line logged.

Each step works on what the ones before it found; none of them looks at the path again. The order is AWS's as
far as AWS tells (docs/emulator.md names what it does not). Its downside: a flood of bad tokens is met by no
bucket, because the key that names a bucket is only read from those who passed the authorizer.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.clock import Clock
from emulator.definition import Deployment
from emulator.gateway.access_log import AccessLog, Write
from emulator.gateway.api_key import ApiKeys
from emulator.gateway.authorize import Authorizer
from emulator.gateway.authorizer_event import AuthorizerEvents
from emulator.gateway.compression import Compression, unpack
from emulator.gateway.context import Exchange, Randomness, Reply, Request, new_ids
from emulator.gateway.errors import Refusal
from emulator.gateway.event import Events
from emulator.gateway.http_integration import HttpIntegrations
from emulator.gateway.identity import Identities
from emulator.gateway.invoke import Functions, Integrations
from emulator.gateway.lambda_authorizer import LambdaAuthorizers
from emulator.gateway.metrics import Meter, Metrics
from emulator.gateway.mock import Mocks
from emulator.gateway.parse import parse
from emulator.gateway.permission import Permission, Permits
from emulator.gateway.quota import Quotas
from emulator.gateway.respond import Refusals, seal
from emulator.gateway.route import Router
from emulator.gateway.throttle import Throttling
from emulator.gateway.validate import Validation
from emulator.gateway.variables import Variables
from emulator.keyset import KeySet

Step = Callable[[Exchange], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gateway needs besides its definition. `invocation_refusals` map an exception to a gateway response."""

    functions: Functions
    invocation_refusals: Mapping[type[Exception], str]
    keysets: Mapping[str, KeySet]
    write_log: Write
    api_keys_file: Path | None = None
    quota_file: Path | None = None
    port: int = 443
    clock: Clock = Clock()  # noqa: RUF009 (frozen: one may be shared)
    randomness: Randomness = os.urandom
    metrics: Metrics = field(default_factory=Metrics)
    permits: Permits | None = None


class Gateway:
    """One deployment being served."""

    def __init__(self, deployment: Deployment, around: Surroundings) -> None:
        methods = deployment.api.methods
        variables = Variables.of(deployment)
        self._clock = around.clock
        self._randomness = around.randomness
        self._refusals = Refusals.of(deployment.api, variables)
        self.compression = Compression(deployment.api.minimum_compression)
        self.access_log = AccessLog.of(deployment.stage.access_log, variables, around.write_log)
        self.meter = Meter.of(deployment, around.metrics)
        self.quotas = Quotas(dict(deployment.plans), around.clock, around.quota_file)
        events = Events.of(deployment, around.port)
        permission = Permission(deployment, around.permits)
        self.lambda_authorizers = LambdaAuthorizers(
            functions=around.functions,
            refusals=tuple(around.invocation_refusals),
            identities=Identities(variables, deployment.stage.variables),
            events=AuthorizerEvents(deployment, events),
            permission=permission,
            clock=around.clock,
        )
        self.integrations = Integrations(
            functions=around.functions,
            refusals=dict(around.invocation_refusals),
            events=events,
            mocks=Mocks.of(methods, variables),
            services=HttpIntegrations.of(deployment, variables, around.clock),
            permission=permission,
            clock=around.clock,
        )
        self.deployment = deployment
        self.steps: tuple[Step, ...] = (
            parse,
            Router.of(methods, deployment.mount),
            Authorizer(around.clock, around.keysets, self.lambda_authorizers),
            ApiKeys(around.api_keys_file, deployment.plans, around.clock, deployment.api.key_source),
            Throttling.of(deployment, around.clock),
            self.quotas,
            unpack,
            Validation.of(methods),
            self.integrations,
        )

    async def handle(self, request: Request) -> Reply:
        """The answer to a request; never raises."""
        exchange = self._begin(request)
        try:
            for step in self.steps:
                pending = step(exchange)
                if pending is not None:
                    await pending
        except Refusal as refusal:
            exchange.reply = self._refusals.render(refusal, exchange)
        except Exception:  # noqa: BLE001 (the outermost place: a bug is a 500, told to the terminal only)
            traceback.print_exc(file=sys.stderr)
            exchange.reply = self._refusals.render(Refusal("DEFAULT_5XX"), exchange)
        return self._end(exchange)

    def refuse(self, request: Request, refusal: Refusal) -> Reply:
        """The answer to what the HTTP layer could not even read as a request."""
        exchange = self._begin(request)
        exchange.reply = self._refusals.render(refusal, exchange)
        return self._end(exchange)

    def _begin(self, request: Request) -> Exchange:
        now = self._clock.wall()
        return Exchange(request, new_ids(self._randomness, now), now, self._clock.steady())

    def _end(self, exchange: Exchange) -> Reply:
        assert exchange.reply is not None  # a chain that ran through has a reply, and so has a refusal
        self.compression.pack(exchange)
        exchange.latency = self._clock.steady() - exchange.begun_at
        seal(exchange)
        self.meter(exchange)
        self.access_log(exchange)
        return exchange.reply

    @property
    def busy(self) -> bool:
        """Whether functions are at work for it: one may outlive the request that started it."""
        return bool(self.integrations.running or self.lambda_authorizers.running or self.lambda_authorizers.asking)

    async def close(self) -> None:
        """Lets go of functions that outlived their integration, and writes what is still in memory."""
        await self.lambda_authorizers.close()
        await self.integrations.close()
        self.access_log.flush()
        self.quotas.save()
