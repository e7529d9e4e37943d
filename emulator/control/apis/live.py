"""Deployed stages being served: each by a gateway of its own, found by the URL.

`/_aws/execute-api/API/STAGE/...` leads to a stage as `https://API.execute-api.REGION.amazonaws.com/STAGE/...` does on
AWS. One stage may stand at the host's root besides, as behind a custom domain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from emulator.control.apis.catalog import Row
from emulator.control.kept import put
from emulator.definition import Deployment, Plan, Quota, Stage, Throttle
from emulator.gateway.chain import Gateway, Surroundings
from emulator.gateway.context import Reply, Request
from emulator.gateway.errors import KINDS, Refusal
from emulator.mount import ROOT, Mount
from emulator.openapi import read_api
from emulator.stages import ACCOUNT_THROTTLE, LONGEST_TIMEOUT_MS, check_labels, definition_variables

Key = tuple[str, str]
"""An API's id and the name of a stage."""

_URL: Final = re.compile(r"/_aws/execute-api/([a-z0-9]+)/([A-Za-z0-9_-]+)(/.*)?")
_ALL: Final = "*/*"


def _silent(_lines: bytes) -> None:
    """A stage without an access log writes none."""


@dataclass(slots=True)
class Live:
    """The gateways by API and stage; `front` is the name of the API and the stage at the root."""

    around: Surroundings
    folder: Path
    region: str
    account: str
    know: Callable[[Deployment], None]
    front: tuple[str, str] | None = None
    _gateways: dict[Key, Gateway] = field(default_factory=dict)
    _at_the_root: Key | None = None
    _retired: list[Gateway] = field(default_factory=list)
    _asked: Counter[Gateway] = field(default_factory=Counter)

    async def handle(self, request: Request) -> Reply:
        """Answer a request; never raises."""
        gateway = self._gateway(request)
        if gateway is None:
            return _nothing_here()
        self._asked[gateway] += 1
        try:
            return await gateway.handle(request)
        finally:
            self._asked[gateway] -= 1
            if self._retired:
                await self._let_go()

    async def _let_go(self) -> None:
        """Close what is served no more and has nothing left to do."""
        idle = [one for one in self._retired if not (self._asked[one] or one.busy)]
        self._retired = [one for one in self._retired if one not in idle]
        for gateway in idle:
            del self._asked[gateway]
            await gateway.close()

    def refuse(self, request: Request, refusal: Refusal) -> Reply:
        """Answer what the HTTP layer could not even read as a request: nobody knows which API was meant."""
        if self._at_the_root in self._gateways:
            return self._gateways[self._at_the_root].refuse(request, refusal)
        kind = KINDS[refusal.kind]
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", kind.error_type)]
        return Reply(refusal.status, headers, orjson.dumps({"message": refusal.message}))

    def _gateway(self, request: Request) -> Gateway | None:
        named = _URL.fullmatch(request.raw_path)
        if named is None:
            return self._gateways.get(self._at_the_root) if self._at_the_root else None
        gateway = self._gateways.get((named[1], named[2]))
        if gateway is not None:
            request.raw_path = gateway.deployment.mount.prefix + (named[3] or "/")
        return gateway

    def ready(self, record: Row, row: Row, plans: Mapping[str, Row], definition: Path) -> Gateway:
        """Return a gateway for a stage; DefinitionError for what would not be enforced."""
        return self._gateway_of(self._read(record, row, plans, definition))

    def replanned(self, key: Key, plans: Mapping[str, Row]) -> Gateway | None:
        """Return a gateway that serves the same under other usage plans, None if it has these already."""
        gateway, mine = self._gateways.get(key), _plans(plans, key)
        if gateway is None or gateway.deployment.plans == mine:
            return None
        deployment = gateway.deployment
        check_labels(Path(key[1]), deployment.api, deployment.stage, mine)
        return self._gateway_of(replace(deployment, plans=mine))

    def _gateway_of(self, deployment: Deployment) -> Gateway:
        key = (deployment.api_id, deployment.stage.name)
        self.know(deployment)
        around = replace(
            self.around,
            api_keys_file=self._file(key, "keys"),
            quota_file=self._file(key, "quotas"),
            write_log=self.around.write_log if deployment.stage.access_log else _silent,
        )
        return Gateway(deployment, around)

    def _read(self, record: Row, row: Row, plans: Mapping[str, Row], definition: Path) -> Deployment:
        stage = _stage(row)
        key = (record["api"]["id"], stage.name)
        api = read_api(definition, definition_variables(stage), stage.integration_timeout_ms)
        mine = _plans(plans, key)
        check_labels(definition, api, stage, mine)
        mount = ROOT if self._is_front(record, stage.name) else Mount(f"/{stage.name}", by_stage=True)
        ids = {one["name"]: one["id"] for one in record["authorizers"].values()}
        return Deployment(api, stage, mine, ACCOUNT_THROTTLE, self.account, self.region, key[0], mount, ids)

    def _is_front(self, record: Row, stage: str) -> bool:
        return self.front == (record["api"]["name"], stage)

    def show(self, gateway: Gateway) -> None:
        """Serve it from now on; requests that have begun are finished as they began, and quotas go on."""
        key = (gateway.deployment.api_id, gateway.deployment.stage.name)
        before = self._gateways.get(key)
        if before is None:
            gateway.quotas.load()
        else:
            gateway.quotas.usage, gateway.quotas.changed = before.quotas.usage, True
            self._retire(before)
        self._gateways[key] = gateway
        if not gateway.deployment.mount.by_stage:
            self._at_the_root = key
        elif self._at_the_root == key:
            self._at_the_root = None

    def _retire(self, gateway: Gateway) -> None:
        gateway.quotas.file = None  # the successor writes the counts, or nobody
        self._retired.append(gateway)

    def gateway(self, key: Key) -> Gateway | None:
        """The gateway that serves a stage, if one does."""
        return self._gateways.get(key)

    @property
    def lingering(self) -> int:
        """How many gateways that are served no more still have something to finish."""
        return len(self._retired)

    def write_keys(self, key: Key, rows: list[Row]) -> None:
        """Put a stage's API keys where its gateway looks for them."""
        file = self._file(key, "keys")
        text = orjson.dumps({"keys": rows})
        if not file.exists() or file.read_bytes() != text:
            put(file, text)

    def withdraw(self, key: Key) -> None:
        """Serve a stage no more; requests that have begun are finished."""
        gateway = self._gateways.pop(key, None)
        if gateway is not None:
            self._retire(gateway)
        for kind in ("keys", "quotas"):
            self._file(key, kind).unlink(missing_ok=True)
        if self._at_the_root == key:
            self._at_the_root = None

    def save(self) -> None:
        """Write the counts of quotas behind."""
        for gateway in self._gateways.values():
            gateway.quotas.save()

    async def close(self) -> None:
        """Let go of what outlived its request, and write what is still in memory."""
        for gateway in (*self._retired, *self._gateways.values()):
            await gateway.close()

    def _file(self, key: Key, kind: str) -> Path:
        return self.folder / f"served-{key[0]}-{key[1]}-{kind}.json"


def _nothing_here() -> Reply:
    """What a host answers that no API stands behind."""
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
    return Reply(403, headers, b'{"message":"Forbidden"}')


# --- stages and plans as the gateway takes them -------------------------------------------------------------


def label(method: str) -> str:
    """`GET /v1/payments` for the `~1v1~1payments/GET` of method settings and usage plans."""
    path, _, verb = method.rpartition("/")
    return f"{verb} /{path.replace('~1', '/').strip('/')}"


def _stage(row: Row) -> Stage:
    settings: dict[str, Row] = row.get("methodSettings", {})
    own = {label(name): one for name, one in settings.items() if name != _ALL}
    shared = settings.get(_ALL, {})
    return Stage(
        name=row["stageName"],
        throttle=_throttle(shared.get("throttlingRateLimit"), shared.get("throttlingBurstLimit")),
        methods={
            name: throttle
            for name, one in own.items()
            if (throttle := _throttle(one.get("throttlingRateLimit"), one.get("throttlingBurstLimit")))
        },
        access_log=row.get("accessLogSettings", {}).get("format", ""),
        integration_timeout_ms=LONGEST_TIMEOUT_MS,
        variables=row.get("variables", {}),
        metrics=shared.get("metricsEnabled", False),
        method_metrics={name: one["metricsEnabled"] for name, one in own.items() if "metricsEnabled" in one},
    )


def _throttle(rate: float | None, burst: int | None) -> Throttle | None:
    """Of what is not set, or is -1, the account's limit stands; None if it is both."""
    rate = None if rate is None or rate < 0 else rate
    burst = None if burst is None or burst < 0 else burst
    if rate is None and burst is None:
        return None
    account = ACCOUNT_THROTTLE
    return Throttle(account.rate if rate is None else rate, account.burst if burst is None else burst)


def _stages_of(plan: Row, key: Key) -> list[Row]:
    return [one for one in plan.get("apiStages", ()) if (one.get("apiId"), one.get("stage")) == key]


def _plans(plans: Mapping[str, Row], key: Key) -> dict[str, Plan]:
    return {plan["id"]: _plan(plan, key) for plan in plans.values() if _stages_of(plan, key)}


def _plan(plan: Row, key: Key) -> Plan:
    (stage,) = _stages_of(plan, key)
    limits: dict[str, Any] = stage.get("throttle", {})
    throttle, quota = plan.get("throttle", {}), plan.get("quota")
    methods = {label(name): _throttle(one.get("rateLimit"), one.get("burstLimit")) for name, one in limits.items()}
    return Plan(
        name=plan["id"],
        throttle=_throttle(throttle.get("rateLimit"), throttle.get("burstLimit")),
        quota=Quota(quota["limit"], quota["period"], quota.get("offset", 0)) if quota else None,
        methods={name: one for name, one in methods.items() if one},
    )
